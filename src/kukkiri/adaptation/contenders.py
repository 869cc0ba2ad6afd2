"""Methods and initializations of ``adapt`` as models that an evaluation can score."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from kukkiri import pretrained
from kukkiri.adaptation.adapting import adapt
from kukkiri.adaptation.meta_initialization import find_initialization
from kukkiri.degradations import Degradation
from kukkiri.devices import resolve_device
from kukkiri.training.precision import Precision

__all__ = ["ConfiguredAdaptation", "adapting_models", "choose_learners"]


@dataclass(frozen=True, kw_only=True)
class ConfiguredAdaptation:
    """``adapt`` with fixed settings; it has what :func:`kukkiri.evaluation.evaluate_many` asks of an adapting model."""

    method: str | None
    """Of :func:`kukkiri.adaptation.adapt`; None with an initialization."""
    initialization: str | None
    """Id or file; None with a method."""
    steps: int | None = None
    """At most; None: those of the method."""
    seed: int = 0
    """Of random weights and sampled crops."""
    projections: int | None = None
    """Back-projections on the result; None: those of the method."""
    precision: Precision | None = None
    """Of zssr while it learns; None: float32."""
    device: str = "cpu"
    """See :func:`kukkiri.adaptation.adapt`."""

    @property
    def name(self) -> str:
        """Such as ``mzsr(10)+4``: what adapts, its steps and its back-projections where these are set."""
        shown = self._learner if self.steps is None else f"{self._learner}({self.steps})"
        return shown if self.projections is None else f"{shown}+{self.projections}"

    @property
    def identity(self) -> str:
        """Everything beside the image that the result depends on: equal texts, equal pixels."""
        settings = f"{self.steps} {self.seed} {self.projections} {self.precision} {torch.get_num_threads()}"
        if self.device != "cpu":
            settings = f"{settings} {resolve_device(self.device)}"
        return f"{self._learner} {self._digest_weights()} {settings}"

    def upscale(self, lr: NDArray[Any], degradation: Degradation, scale: int) -> NDArray[Any]:
        """Adapt to ``lr``, then upscale it.

        Args:
            lr: uint8, (h, w, 3).
            degradation: that made ``lr``.
            scale: at least 2.

        Returns:
            sr, uint8, (scale*h, scale*w, 3).
        """
        adapted = adapt(
            lr,
            scale=scale,
            kernel=str(degradation),
            method=self.method,
            initialization=self.initialization,
            steps=self.steps,
            seed=self.seed,
            projections=self.projections,
            precision=self.precision,
            device=self.device,
            guarded=False,
        )
        return adapted(lr)

    @property
    def _learner(self) -> str:
        return self.method or Path(self.initialization or "").stem

    def _digest_weights(self) -> str:
        """sha256 of the initialization and its card; of a method, the ids and digests of everything it may choose."""
        if self.initialization is None:
            return ",".join(
                f"{name} {pretrained.read_card(name).get('sha256')}" for name in pretrained.list_initializations()
            )
        given = Path(self.initialization)
        weights = given if given.is_file() else pretrained.locate(self.initialization, ".safetensors")
        files = [path for path in (weights, weights.with_suffix(".json")) if path.is_file()]
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def adapting_models(
    methods: Sequence[str],
    initializations: Sequence[str],
    *,
    steps: Sequence[int] = (),
    seed: int = 0,
    projections: int | None = None,
    precision: Precision | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> list[ConfiguredAdaptation]:
    """One model for each method and each initialization, with each number of steps.

    Args:
        methods: of :func:`kukkiri.adaptation.adapt`.
        initializations: ids or files.
        steps: at most; those of the method when empty.
        seed: of random weights and sampled crops.
        projections: back-projections on the result; None: those of the method.
        precision: of zssr while it learns; not used with an initialization.
        threads: of torch; None leaves them as they are.
        device: where they learn; the CPU by default, as for published numbers.

    Raises:
        BackendError: torch sees no such device.
        ConfigError: it is no name of a device.
    """
    resolve_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    learners: list[tuple[str | None, str | None]] = [
        *((method, None) for method in methods),
        *((None, initialization) for initialization in initializations),
    ]
    return [
        ConfiguredAdaptation(
            method=method,
            initialization=initialization,
            steps=count,
            seed=seed,
            projections=projections,
            precision=precision if initialization is None else None,
            device=device,
        )
        for method, initialization in learners
        for count in steps or (None,)
    ]


def choose_learners(degradation: str, *, scale: int) -> tuple[list[str], list[str]]:
    """Methods and initializations that :func:`adapting_models` takes where none was named.

    Returns:
        ``([], [id])`` of the shipped initialization for the scale and the subsampling, else ``(["zssr"], [])``.
    """
    found = find_initialization(Degradation.parse(degradation), scale=scale)
    return ([], [found]) if found else (["zssr"], [])
