"""The next batches prepared by a background thread while the network computes."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor

__all__ = ["Prefetcher"]

Batch = TypeVar("Batch")


class Prefetcher(Generic[Batch]):
    """Calls a sampler ahead of time, in one thread, and moves its batches to a device.

    The batch of a step does not depend on what was asked for before: a step that was not expected is sampled when it
    is asked for. As a context manager it ends its thread when the block ends, Ctrl-C included.
    """

    def __init__(
        self,
        sample: Callable[[int], Batch],
        *,
        ahead: int = 2,
        stop: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Prepare nothing yet; the first call of :meth:`at` starts the thread.

        Args:
            sample: gives the batch of a step, such as the method ``at`` of a sampler: a tensor, or tuples and lists
                of tensors. It is called in the thread only.
            ahead: number of batches that are prepared after the one that was asked for; 0: none.
            stop: the step before which preparing ends, such as the number of steps; ``None``: it does not end.
            device: where the batches go, on CUDA from pinned memory and on a stream of their own.
        """
        if ahead < 0:
            raise ValueError(f"ahead must be at least 0, got {ahead}")
        self._sample, self._ahead, self._stop = sample, ahead, stop
        self._device = torch.device(device)
        self._stream: torch.cuda.Stream | None = None
        if self._device.type == "cuda":
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
            self._stream.wait_stream(torch.cuda.current_stream(self._device))  # a sampler's images may be on their way
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kukkiri-prefetch")
        self._waiting: dict[int, Future[tuple[Batch, torch.cuda.Event | None]]] = {}

    def at(self, step: int) -> Batch:
        """Return the batch of a step, on the device, and have the next ones prepared.

        An error of the sampler is raised here, when its step is asked for.
        """
        end = step + 1 + self._ahead
        wanted = [step, *range(step + 1, end if self._stop is None else min(end, self._stop))]
        for other in set(self._waiting) - set(wanted):
            self._waiting.pop(other).cancel()
        for number in wanted:
            if number not in self._waiting:
                self._waiting[number] = self._thread.submit(self._prepare, number)
        batch, copied = self._waiting.pop(step).result()
        if copied is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_event(copied)
            _map_tensors(batch, lambda tensor: tensor.record_stream(current))
        return batch

    def close(self) -> None:
        """Drop the prepared batches and end the thread, after the batch that it is making."""
        self._waiting.clear()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self, step: int) -> tuple[Batch, torch.cuda.Event | None]:
        if self._stream is None:
            batch = self._sample(step)
            if self._device.type != "cpu":
                batch = _map_tensors(batch, lambda tensor: tensor.to(self._device))
            return batch, None
        with torch.cuda.stream(self._stream):
            batch = _map_tensors(self._sample(step), self._copy_to_cuda)
            return batch, self._stream.record_event()

    def _copy_to_cuda(self, tensor: Tensor) -> Tensor:
        if tensor.device.type == "cpu":
            tensor = tensor.pin_memory()
        return tensor.to(self._device, non_blocking=True)


def _map_tensors(batch: Any, function: Callable[[Tensor], Any]) -> Any:
    """Apply a function to a tensor, or to each one in tuples and lists.

    Raises:
        TypeError: there is anything else in the batch.
    """
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, (tuple, list)):
        return type(batch)(_map_tensors(part, function) for part in batch)
    raise TypeError(f"only tensors, tuples and lists can be moved to a device, got {type(batch).__name__}")
