"""Several processes for one run: their place among each other, sums over all of them, and their launch on one machine.

A process learns its place from the variables that ``torchrun`` sets (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR,
MASTER_PORT). Gradients are summed by one all-reduce of all tensors together, in a fixed order, so that a run with
the same number of processes repeats to the bit.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed
from torch._C._distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from kukkiri.errors import ConfigError, TrainingError
from kukkiri.signals import handled_signals
from kukkiri.training.lifelines import Lifeline

__all__ = ["PeerLostError", "World", "launch"]

_TIMEOUT = timedelta(hours=1)  # for the longest wait, that of a validation in the first process
_SLICE = timedelta(seconds=1)  # of such a wait, between two looks at the connections
_GRACE = 20.0  # seconds to end in, for processes whose companion has ended
_STORES: list[Store] = []
"""The store by which the processes find each other, and its part for each run: a program may train several times, and a
process that is ahead must not take the end of one run for the next."""
_LIFELINES: list[Lifeline] = []
_STUCK: list[distributed.Work] = []
"""Sums that wait for a process out of reach; they are kept, because to free one is to wait for it."""
LAUNCHED = "KUKKIRI_LAUNCHED"
"""Variable that :func:`launch` sets: it reports lost processes, so that they need not."""


class PeerLostError(TrainingError):
    """Another process of the run has ended."""


@dataclass(frozen=True)
class World:
    """The place of this process among all processes of a run."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Its number on this machine."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> "World":
        """Read the variables that torchrun sets; without them there is one process.

        Raises:
            ConfigError: they are no whole numbers, or contradict each other.
        """
        texts = [variables.get("RANK", "0"), variables.get("WORLD_SIZE", "1"), variables.get("LOCAL_RANK", "0")]
        if not all(text.isdigit() for text in texts) or int(texts[0]) >= int(texts[1]):
            raise ConfigError(f"RANK, WORLD_SIZE and LOCAL_RANK are {', '.join(texts)}. Start with torchrun.")
        return cls(*map(int, texts))

    @property
    def is_first(self) -> bool:
        """True in the process that validates and writes."""
        return self.rank == 0

    @contextmanager
    def connected(self, device: torch.device) -> Iterator[None]:
        """Connect the processes, over NCCL for CUDA devices and gloo for others, for the length of the block.

        Raises:
            TrainingError: they did not find each other.
        """
        if self.size == 1:
            yield
            return
        try:
            if not _STORES:
                _STORES.append(next(rendezvous("env://", self.rank, self.size, timeout=_TIMEOUT))[0])
            store = PrefixStore(f"run-{len(_STORES)}", _STORES[0])
            _STORES.append(store)
            distributed.init_process_group(
                "nccl" if device.type == "cuda" else "gloo",
                store=store,
                rank=self.rank,
                world_size=self.size,
                timeout=_TIMEOUT,
            )
        except (RuntimeError, ValueError) as error:
            raise TrainingError(f"the {self.size} processes did not find each other ({error}).") from error
        lifeline = Lifeline(store, rank=self.rank, size=self.size)
        _LIFELINES.append(lifeline)
        try:
            yield
        finally:
            _LIFELINES.remove(lifeline)
            lifeline.close()
            if not _STUCK:  # its end would be waited for
                distributed.destroy_process_group()

    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Replace every tensor by its sum over the processes, in place; with one process nothing changes.

        Raises:
            PeerLostError: another process has ended.
        """
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            moved = flat.cpu() if distributed.get_backend() == "gloo" else flat
            with _peer_errors():
                _wait_for(distributed.all_reduce(moved, async_op=True))
            _scatter(moved, tensors)

    def broadcast_(self, tensors: Sequence[Tensor]) -> None:
        """Replace every tensor by that of the first process, in place.

        Raises:
            PeerLostError: another process has ended.
        """
        if self.size > 1:
            for tensor in tensors:
                moved = tensor.detach().cpu() if distributed.get_backend() == "gloo" else tensor.detach().clone()
                with _peer_errors():
                    _wait_for(distributed.broadcast(moved, src=0, async_op=True))
                with torch.no_grad():
                    tensor.copy_(moved)


def _scatter(flat: Tensor, tensors: Sequence[Tensor]) -> None:
    sizes = [tensor.numel() for tensor in tensors]
    with torch.no_grad():
        for tensor, values in zip(tensors, torch.split(flat, sizes), strict=True):
            tensor.copy_(values.view_as(tensor))


def _wait_for(work: distributed.Work) -> None:
    """Wait until all processes have taken part, or one is out of reach.

    Raises:
        RuntimeError: a connection has ended, or is out of reach.
    """
    if distributed.get_backend() != "gloo":
        work.wait()
        return
    while True:
        try:
            work.wait(_SLICE)
        except RuntimeError:
            if work.is_completed():
                raise
            if any(lifeline.is_broken for lifeline in _LIFELINES):
                _STUCK.append(work)
                raise
        else:
            return


@atexit.register
def _leave_stuck_sum() -> None:
    """End the process when a sum is still under way, which the process group would wait for, without an end."""
    if _STUCK:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


@contextmanager
def _peer_errors() -> Iterator[None]:
    """Raise a lost connection as :class:`PeerLostError`."""
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError(
            "another process of this run has ended, or is out of reach. The last checkpoint is kept: --resume."
        ) from error


def launch(arguments: Sequence[str], *, processes: int) -> int:
    """Run a command of kukkiri in several processes on this machine, and wait for all of them.

    When one fails, the others are ended, too. Signals go to all; each of them then ends after its step.

    Args:
        arguments: of ``kukkiri``.
        processes: their number, at least 2.

    Returns:
        The exit code: that of the first process that failed, or 0.

    Raises:
        TrainingError: one was lost; the message says which, and how.
    """
    children: list[subprocess.Popen[bytes]] = []
    with _forwarding_signals(children):
        port = _find_free_port()
        threads = max(
            1, (os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count() or 1) // processes
        )
        for rank in range(processes):
            place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_PORT": port}
            variables = {
                "OMP_NUM_THREADS": str(threads),
                **os.environ,
                "MASTER_ADDR": "127.0.0.1",
                LAUNCHED: "1",
                **{name: str(value) for name, value in place.items()},
            }
            output = None if rank == 0 else subprocess.DEVNULL  # the first process speaks for all
            command = [sys.executable, "-m", "kukkiri", *arguments]
            children.append(subprocess.Popen(command, env=variables, stdout=output, stderr=output))
        failed = _wait_for_first_failure(children)
        if failed is None:
            return 0
        _end(children)
    codes = [child.returncode for child in children]
    if codes[0] > 0 and codes[failed] > 0:
        return codes[0]  # it has said why
    if codes[failed] > 128 or codes[0] > 128:
        return max(codes[failed], codes[0])
    raise TrainingError(
        f"process {failed} of {processes} {_describe_exit(codes[failed])}, which ended the run. "
        "The last checkpoint is kept: add --resume to go on."
    )


@contextmanager
def _forwarding_signals(children: Sequence["subprocess.Popen[bytes]"]) -> Iterator[None]:
    """Pass SIGTERM and SIGHUP on to the children; a terminal sends Ctrl-C to them by itself."""

    def forward(number: int, frame: object) -> None:
        for child in children:
            if child.poll() is None and number != signal.SIGINT:
                child.send_signal(number)

    with handled_signals(forward, ctrl_c=True):
        yield


def _wait_for_first_failure(children: Sequence["subprocess.Popen[bytes]"]) -> int | None:
    """Wait until all have ended well, or one has not; return its number."""
    while True:
        codes = [child.poll() for child in children]
        for rank, code in enumerate(codes):
            if code:
                return rank
        if all(code == 0 for code in codes):
            return None
        time.sleep(0.1)


def _end(children: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Let the children end by themselves, as they do when they miss one; then end them."""
    deadline = time.monotonic() + _GRACE
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _describe_exit(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _find_free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port
