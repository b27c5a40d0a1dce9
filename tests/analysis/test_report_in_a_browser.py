"""The page as a browser sees it: it asks for nothing, complains of nothing, and fits a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.report import write_report
from tests.analysis.pages import hostile, made_up
from tests.chromium import CHROMIUM, Chromium, chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser for all tests of this file."""
    with chromium(tmp_path_factory.mktemp("chromium") / "profile") as found:
        yield found


@pytest.mark.parametrize("make", [made_up, hostile])
@pytest.mark.parametrize("width", [380, 1200])
def test_it_shows_all_its_pictures_and_asks_for_nothing(
    browser: Chromium,
    tmp_path: Path,
    make: object,
    width: int,
) -> None:
    path = write_report(make(tmp_path / "run"))  # type: ignore[operator]
    browser.open(path, width)
    widths = browser.evaluate(
        "Promise.all([...document.images].map(image => image.decode()"
        ".then(() => image.naturalWidth)))"
    )
    assert len(widths) >= 2
    assert all(width > 0 for width in widths)
    asked = [each["request"]["url"] for each in browser.told("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    complaints = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    assert browser.told(*complaints, "Page.javascriptDialogOpening") == []
    assert browser.evaluate("document.title") != "caught"
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
