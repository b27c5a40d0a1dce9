"""The processes that train together, seen from one of them.

They meet at a store of keys that torchrun keeps, or under srun the first of them. There the first
process tells the others what to do, and whoever fails tells the rest why. The training itself goes
through torch.distributed, see `Team.group`.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from config_schema.complaints import complaint
from partial_equiv.refusal import Refusal
from together.environment import several
from together.importing import quick_fabric

if TYPE_CHECKING:
    import torch
    from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment

__all__ = ["AnotherFailed", "Team", "team"]

LOOK_EVERY = 0.05  # seconds, while a process waits for others
PATIENCE = timedelta(minutes=5)  # of a process for the store to be there


class AnotherFailed(Refusal):
    """Another process has failed; the message is its own, or says that it died."""


class Team:
    """The processes that train together.

    Attributes:
        environment: Fabric's, of torchrun or srun.
        rank: of this process, from 0 to size - 1.
        size: number of the processes.
        here: number of those on this machine.

    Raises:
        Refusal: if srun was called in a way that leaves open which process trains where.
    """

    def __init__(self) -> None:
        self.environment = _environment()
        self.rank, self.size = self.environment.global_rank(), self.environment.world_size()
        nodes = int(os.environ.get("SLURM_STEP_NUM_NODES", "1"))
        self.here = int(os.environ.get("LOCAL_WORLD_SIZE", self.size // nodes))
        self._store = _store(self.environment)
        self._num_groups = self._num_decisions = 0

    def tell(self, key: str, value: object) -> None:
        """Leave a value, as JSON can hold it, for the other processes to hear."""
        self._store.set(key, json.dumps(value))

    def hear(self, key: str) -> Any:  # noqa: ANN401
        """The value of that key, as soon as one of the processes has told it.

        Raises:
            AnotherFailed: if one of them has failed instead.
        """
        while not self._store.check([key]):
            self._look_for_failure()
            time.sleep(LOOK_EVERY)
        return json.loads(self._store.get(key))

    def decided(self, what: str, decide: Callable[[], Any]) -> Any:  # noqa: ANN401
        """What the first process decides, for all of them: a value, as JSON can hold it.

        Raises:
            AnotherFailed: if one of them has failed before.
        """
        self._num_decisions += 1
        key = f"{what} {self._num_decisions}"
        if self.rank == 0:
            self.tell(key, decide())
        return self.hear(key)

    @contextmanager
    def first_here_first(self, what: str) -> Iterator[None]:
        """Do something that leaves files, such as a download, on each machine once before the
        machine's other processes do it, who find it done then."""
        key = f"{what} {self.environment.node_rank()}"
        if self.environment.local_rank():
            self.hear(key)
        yield
        self.tell(key, None)

    @contextmanager
    def group(self, device: "torch.device | str") -> Iterator[None]:
        """Let all processes exchange tensors of a device in this block, once all of them are here.
        One block may follow another, as trainings do.

        Raises:
            AnotherFailed: if one of them has failed before.
        """
        import torch
        from torch import distributed
        from torch.distributed.distributed_c10d import PrefixStore

        self._num_groups += 1
        name = f"group {self._num_groups}"
        self.tell(f"{name} {self.rank}", None)
        for rank in range(self.size):
            self.hear(f"{name} {rank}")
        kind = torch.device(device)
        distributed.init_process_group(
            distributed.get_default_backend_for_device(kind),
            store=PrefixStore(name, self._store),
            rank=self.rank,
            world_size=self.size,
        )
        try:
            yield
        finally:
            distributed.destroy_process_group()

    @contextmanager
    def failing_together(self) -> Iterator[None]:
        """If this block fails, tell the others why; if others failed first, fail as they did.

        Raises:
            AnotherFailed: with the first one's message.
        """
        try:
            yield
        except AnotherFailed:
            raise
        except Exception as error:
            if _is_echo(error):
                self._look_for_failure()
                raise AnotherFailed(
                    "another process of this training has ended without a word (was it killed, or "
                    "out of memory?); the same command goes on, in the same hydra.run.dir"
                ) from None
            self._tell_failure(error)
            raise

    def _tell_failure(self, error: Exception) -> None:
        text = complaint(error) or f"{type(error).__name__}: {error}"
        try:
            self._store.compare_set("failure", "", f"{text} (process {self.rank})")
        except RuntimeError:  # the store has died with the process that kept it
            return

    def _look_for_failure(self) -> None:
        try:
            told = self._store.get("failure").decode() if self._store.check(["failure"]) else ""
        except RuntimeError:
            return
        if told:
            raise AnotherFailed(told)


@cache
def team() -> Team | None:
    """The processes that torchrun or srun has started together with this one; None if it is alone.

    Raises:
        Refusal: if srun was called in a way that leaves open which process trains where.
    """
    return Team() if several() else None


def _environment() -> "ClusterEnvironment":
    with quick_fabric():
        from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
        from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    try:
        return SLURMEnvironment()
    except RuntimeError as error:
        raise Refusal(f"srun: {error}") from None


def _store(environment: "ClusterEnvironment") -> Any:  # noqa: ANN401
    """The store that all processes know; torchrun's agent keeps it, or else the first process."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]
    from torch.distributed.distributed_c10d import PrefixStore

    kept = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = TCPStore(
        environment.main_address,
        environment.main_port,
        is_master=not kept and environment.global_rank() == 0,
        wait_for_workers=False,
        timeout=PATIENCE,
    )
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # an agent's store outlives one
    return PrefixStore(f"partial_equiv/{attempt}", store)


def _is_echo(error: Exception) -> bool:
    """Whether an error only says that another process is no longer there."""
    from torch import distributed

    said = str(error).lower()
    return isinstance(error, distributed.DistError) or (
        isinstance(error, RuntimeError)
        and any(word in said for word in ("gloo", "nccl", "connection closed", "broken pipe"))
    )
