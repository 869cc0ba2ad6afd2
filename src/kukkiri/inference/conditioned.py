"""Engines of networks that are conditioned on the degradation, and the condition that makes them plain engines."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import DegradationEstimate, FindCovariance, compute_condition
from kukkiri.errors import ConfigError
from kukkiri.inference.engine import Engine, Footprint
from kukkiri.inference.graph_session import Batching
from kukkiri.inference.tile_batches import find_batching
from kukkiri.info import Condition, ModelInfo

__all__ = ["ConditionableEngine", "ConditionedEngine", "EstimatingEngine", "condition_engine", "find_condition"]

Batch = NDArray[np.float32]
Pixels = NDArray[np.uint8 | np.floating[Any]]


@runtime_checkable
class ConditionableEngine(Engine, Protocol):
    """An engine whose network may have a second input; ``info.condition`` describes it."""

    def run_conditioned(self, batch: Batch, condition: Batch) -> Batch:
        """Map lr (N, C, H, W) and its condition (N, length) to sr, see :meth:`Engine.run`."""


@runtime_checkable
class EstimatingEngine(Protocol):
    """Networks that estimate the blur of an image and invert it."""

    @property
    def solver(self) -> ConditionableEngine:
        """The one that inverts a given blur."""

    def find_covariance(self, image: Pixels) -> tuple[float, float, float]:
        """Estimate the covariance of an image's blur, see :data:`kukkiri.degradations.FindCovariance`."""


class ConditionedEngine:
    """A network with the condition of one image; pickled as that."""

    def __init__(
        self, engine: ConditionableEngine, condition: Batch | None, *, find_covariance: FindCovariance | None = None
    ) -> None:
        """Join them.

        Args:
            engine: of a network with a condition.
            condition: (length,); ``None``: each image has its own, and this engine tells only sizes and memory.
            find_covariance: of the estimator ``ikc``.
        """
        self._engine, self._condition = engine, condition
        self.find_covariance = find_covariance

    @property
    def info(self) -> ModelInfo:
        """The descriptor."""
        return self._engine.info

    @property
    def footprint(self) -> Footprint:
        """The memory that it needs."""
        return self._engine.footprint

    @property
    def batching(self) -> Batching | None:
        """The tiles that it wants."""
        return find_batching(self._engine)

    def run(self, batch: Batch) -> Batch:
        """Map lr to sr, see :class:`kukkiri.inference.Engine`.

        Raises:
            ConfigError: the condition is not known yet.
        """
        if self._condition is None:
            raise ConfigError(
                f"{self.info.name}: blur and noise are estimated for each image, and not for the frames of a clip or "
                "for planes. Give the kernel, such as gaussian:2.0, and the noise as a number."
            )
        return self._engine.run_conditioned(batch, np.repeat(self._condition[None], len(batch), axis=0))

    def with_condition(self, estimate: DegradationEstimate) -> "ConditionedEngine":
        """Return the same network with the condition of a degradation.

        Raises:
            ConfigError: noise, which the network is not conditioned on.
            ModelError: the network's file lacks what the condition is computed with.
        """
        return condition_engine(self._engine, estimate)


def find_condition(engine: Engine) -> Condition | None:
    """Find the condition that a network needs and has not got yet."""
    return None if isinstance(engine, ConditionedEngine) else engine.info.condition


def condition_engine(engine: ConditionableEngine, estimate: DegradationEstimate) -> ConditionedEngine:
    """Give a network the condition of a degradation; raises as :meth:`ConditionedEngine.with_condition`."""
    condition = engine.info.condition
    if condition is None:
        raise ValueError(f"{engine.info.name} has no condition")
    numbers = compute_condition(condition, estimate.kernel, scale=engine.info.scale, noise_std=estimate.noise_std)
    return ConditionedEngine(engine, numbers)
