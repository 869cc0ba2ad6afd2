"""The twins of an upscaler: with weights for the content of an image, or with the networks for its size."""

import threading
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

from kukkiri.inference.families import Domain

__all__ = ["Twins"]

Twin = TypeVar("Twin")
Key = tuple[Domain | Literal["noisy"], int | None]
"""Weights, or a network that takes the noise of each image; and the scale, ``None``: that of the upscaler."""


class Twins(Generic[Twin]):
    """Keeps each twin, which is loaded when it is first needed; thread-safe."""

    def __init__(self) -> None:
        self._made: dict[Key, Twin] = {}
        self._lock = threading.Lock()

    def find(self, weights: Domain | Literal["noisy"], scale: int | None, make: Callable[[], Twin]) -> Twin:
        """Return a twin; ``make`` loads it, once."""
        with self._lock:
            twin = self._made.get((weights, scale))
            if twin is None:
                twin = self._made[weights, scale] = make()
        return twin
