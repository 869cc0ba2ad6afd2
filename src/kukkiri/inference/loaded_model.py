"""The interface of a network that :func:`kukkiri.load` returned, for the half that runs images."""

from typing import Protocol, runtime_checkable

from kukkiri.info import ModelInfo

__all__ = ["LoadedModel"]


@runtime_checkable
class LoadedModel(Protocol):
    """A torch network with its descriptor."""

    @property
    def info(self) -> ModelInfo:
        """The descriptor."""

    @property
    def module(self) -> object:
        """The torch module."""

    @property
    def scales(self) -> tuple[int, ...] | None:
        """The scales that its weights serve, sorted; empty: its own only; ``None``: every one."""

    def at_scale(self, scale: int) -> "LoadedModel":
        """Return the same weights at another of these scales."""
