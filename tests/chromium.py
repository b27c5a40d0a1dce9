"""A headless Chromium, driven over its own pipe: what a page asks for, complains of, and shows."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["CHROMIUM", "Chromium", "chromium"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *("--disable-background-networking", "--remote-debugging-pipe"),
)
# Chromium reads its commands from file 3 and writes its answers to file 4.
START = "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 3); os.dup2(w, 4); "
START += "os.execv(sys.argv[3], sys.argv[3:])"
SECONDS = 60


class Chromium:
    """One page of it. (The protocol: a JSON message, then a zero byte.)"""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._read, self._number = b"", 0
        self.events: list[dict[str, Any]] = []
        self._session: dict[str, str] = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": found["sessionId"]}
        for part in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{part}.enable")

    def open(self, path: Path, width: int) -> None:
        """Open a file in a window of so many pixels, and wait until it is loaded."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.events.clear()
        self.call("Page.navigate", url=path.absolute().as_uri())
        while not self.told("Page.loadEventFired"):
            self._next()

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401
        """What a JavaScript expression comes to on the page, whose own scripts may be forbidden."""
        said = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        return self.call("Runtime.evaluate", **said)["result"].get("value")

    def told(self, *names: str) -> list[dict[str, Any]]:
        """The events of these names since the page was opened."""
        return [event["params"] for event in self.events if event["method"] in names]

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Give a command and wait for its answer; events on the way are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, **self._session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._answers], [], [], SECONDS)
            assert ready, "Chromium says nothing"
            piece = os.read(self._answers, 65536)
            assert piece, "Chromium has ended"
            self._read += piece
        text, _, self._read = self._read.partition(b"\0")
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def chromium(profile: Path) -> Iterator[Chromium]:
    """A Chromium with an empty profile, ended with the context."""
    assert CHROMIUM is not None
    ours, theirs = os.pipe(), os.pipe()
    given = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs[0], ours[1])]
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    with (
        (profile.with_suffix(".log")).open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-S", "-c", START, *map(str, given), *command],
            pass_fds=given,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        for fd in (*given, theirs[0], ours[1]):
            os.close(fd)
        try:
            yield Chromium(theirs[1], ours[0])
        finally:
            os.close(theirs[1])  # by which it ends itself
            os.close(ours[0])
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
