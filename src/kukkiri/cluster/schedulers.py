"""The place of a process among its siblings, from the variables that schedulers set.

| system | index | number of processes |
|---|---|---|
| SLURM arrays | ``SLURM_ARRAY_TASK_ID``, with ``_MIN`` and ``_STEP`` | ``SLURM_ARRAY_TASK_COUNT``, and ``_MAX`` |
| AWS Batch arrays | ``AWS_BATCH_JOB_ARRAY_INDEX`` (from 0) | ``AWS_BATCH_JOB_ARRAY_SIZE`` |
| Kubernetes indexed jobs | ``JOB_COMPLETION_INDEX`` (from 0) | - |
| GNU parallel | ``PARALLEL_SEQ`` (from 1) | - |
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kukkiri.errors import ConfigError

__all__ = ["find_place"]


@dataclass(frozen=True)
class _Place:
    system: str
    index: int
    """From 1."""
    count: int | None
    """``None``: the system does not tell."""


def find_place(environment: Mapping[str, str], *, count: int | None = None) -> tuple[int, int]:
    """Find (index from 1, count) of this process.

    Args:
        environment: variables.
        count: of the processes, when the caller knows it; a system that tells another one is refused.

    Raises:
        ConfigError: no system's variables are set, they lack a number, or they contradict one another or ``count``.
    """
    readers = (_read_slurm, _read_batch, _read_kubernetes, _read_parallel)
    places = [place for reader in readers if (place := reader(environment)) is not None]
    if not places:
        raise ConfigError(
            "--shard auto: none of SLURM_ARRAY_TASK_ID, AWS_BATCH_JOB_ARRAY_INDEX, JOB_COMPLETION_INDEX and "
            "PARALLEL_SEQ is set. Run it in an array of jobs, or name the shard: --shard 3/16."
        )
    counts = {place.count for place in places if place.count is not None} | ({count} if count is not None else set())
    indices = {place.index for place in places}
    if len(counts) > 1 or len(indices) > 1:
        listed = ", ".join(f"{place.system} says {place.index}/{place.count or '?'}" for place in places)
        asked = "" if count is None else f", and auto/{count} was asked"
        raise ConfigError(f"--shard auto: {listed}{asked}. Name the shard: --shard 3/16.")
    if not counts:
        raise ConfigError(
            f"--shard auto: {places[0].system} does not say how many processes there are. Say it: --shard auto/16."
        )
    return places[0].index, counts.pop()


def _read_slurm(environment: Mapping[str, str]) -> _Place | None:
    """SLURM counts from what ``--array`` says; a list such as 3,7 would change which shard a task does."""
    task = _read(environment, "SLURM_ARRAY_TASK_ID")
    if task is None:
        return None
    names = ("SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT")
    first, last, step, count = (_require(environment, name, beside="SLURM_ARRAY_TASK_ID") for name in names)
    if first > 1 or step < 1 or (last - first) // step + 1 != count or not 1 <= (task - first) // step + 1 <= count:
        raise ConfigError(
            f"--shard auto: {count} tasks from {first} to {last} are not a whole array, so that a task would get "
            "another shard than before. Name it by its number in the whole array: --shard $SLURM_ARRAY_TASK_ID/N."
        )
    return _Place("SLURM", (task - first) // step + 1, count)


def _read_batch(environment: Mapping[str, str]) -> _Place | None:
    index = _read(environment, "AWS_BATCH_JOB_ARRAY_INDEX")
    if index is None:
        return None
    size = _require(environment, "AWS_BATCH_JOB_ARRAY_SIZE", beside="AWS_BATCH_JOB_ARRAY_INDEX")
    return _Place("AWS Batch", index + 1, size)


def _read_kubernetes(environment: Mapping[str, str]) -> _Place | None:
    index = _read(environment, "JOB_COMPLETION_INDEX")
    return None if index is None else _Place("Kubernetes", index + 1, None)


def _read_parallel(environment: Mapping[str, str]) -> _Place | None:
    index = _read(environment, "PARALLEL_SEQ")
    return None if index is None else _Place("GNU parallel", index, None)


def _read(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise ConfigError(f"--shard auto: {name} is no number but {text!r}. Name the shard: --shard 3/16.")
    return int(text)


def _require(environment: Mapping[str, str], name: str, *, beside: str) -> int:
    value = _read(environment, name)
    if value is None:
        raise ConfigError(f"--shard auto: {beside} is set, but {name} is not. Name the shard: --shard 3/16.")
    return value
