"""Loaders of model files by their suffix, for formats that the torch-free half cannot read itself.

``kukkiri/__init__.py`` stands above every package, so it alone may join the two halves: it registers the loader of
torch weights, for which ``kukkiri.Upscaler`` asks here, the upscaler, for which ``kukkiri.load(...).upscale`` asks,
the features of a pretrained classifier and distances in features, for which metrics ask, and KernelGAN, for which
estimates of a blur ask.
The loader of another engine is registered in the same way::

    kukkiri.engine_loaders.register(".param", loader=load_ncnn)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "EngineLoader",
    "LoadOptions",
    "compute_distance",
    "compute_features",
    "find_estimator",
    "find_loader",
    "list_suffixes",
    "make_upscaler",
    "register",
    "register_distances",
    "register_estimator",
    "register_features",
    "register_upscaler",
]


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """A user's words about a file of a model."""

    scale: float | None = None
    """The scale that the result shall have; it decides where a file serves several."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of a torch network's constructor that the file does not tell, JSON values."""
    device: str = "cpu"
    """Of torch, see :func:`kukkiri.devices.resolve_device`."""


EngineLoader = Callable[[Path, LoadOptions], object]
"""From an existing file to an engine, see :class:`kukkiri.inference.Engine`, or to several that are to be run one after
the other to reach ``options.scale``."""

_LOADERS: dict[str, EngineLoader] = {}
_UPSCALERS: list[Callable[..., Any]] = []
_ESTIMATORS: dict[str, Callable[[Any, int, int], Any]] = {}
_DISTANCES: list[Callable[[str, Any, Any, Path], float]] = []
_FEATURES: list[Callable[[Any, tuple[str, ...]], list[Any]]] = []


def register(*suffixes: str, loader: EngineLoader) -> None:
    """Let ``loader`` read the files with these suffixes, from now on.

    Args:
        suffixes: such as ``.safetensors``; ``""`` for files whose suffix nobody claims.
        loader: see :data:`EngineLoader`.
    """
    _LOADERS.update(dict.fromkeys(suffixes, loader))


def find_loader(suffix: str) -> EngineLoader:
    """Return the loader of a suffix.

    Raises:
        LookupError: nobody claims it, nor every other one.
    """
    return _LOADERS[suffix if suffix in _LOADERS else ""]


def list_suffixes() -> tuple[str, ...]:
    """List the suffixes that are registered."""
    return tuple(suffix for suffix in _LOADERS if suffix)


def register_upscaler(make: Callable[..., Any]) -> None:
    """Let ``make`` build the upscaler of a loaded network, from now on."""
    _UPSCALERS[:] = [make]


def make_upscaler(model: object, **options: Any) -> Any:
    """Make a :class:`kukkiri.Upscaler`; for the half that may not import it.

    Args:
        model: what :func:`kukkiri.load` returned.
        **options: those of the upscaler.
    """
    return _UPSCALERS[0](model, **options)


def register_estimator(name: str, estimate: Callable[[Any, int, int], Any]) -> None:
    """Let ``estimate`` find blur kernels under this name, from now on.

    Args:
        name: such as ``kernelgan``.
        estimate: from an image (H, W) or (H, W, 3), a scale and a seed to a kernel in HR pixels.
    """
    _ESTIMATORS[name] = estimate


def find_estimator(name: str) -> Callable[[Any, int, int], Any] | None:
    """Return the registered estimator of a name; ``None``: there is none."""
    return _ESTIMATORS.get(name)


def register_features(compute: Callable[[Any, tuple[str, ...]], list[Any]]) -> None:
    """Let ``compute`` give the features of EfficientNet-Lite0, from now on."""
    _FEATURES[:] = [compute]


def compute_features(image: Any, layers: tuple[str, ...]) -> list[Any]:
    """Compute features of EfficientNet-Lite0; for the half that may not import torch.

    Args:
        image: (H, W, 3) RGB, float32, [0, 1].
        layers: such as ``block4``.

    Returns:
        For each layer (C, h, w), float32.

    Raises:
        BackendError: torch or the extra ``perceptual`` is not installed.
    """
    return _FEATURES[0](image, layers)


def register_distances(compute: Callable[[str, Any, Any, Path], float]) -> None:
    """Let ``compute`` give the learned distances of two images, from now on."""
    _DISTANCES[:] = [compute]


def compute_distance(name: str, hr: Any, sr: Any, weights: Path) -> float:
    """Compute a learned distance; for the half that may not import torch.

    Args:
        name: ``lpips`` or ``dists``.
        hr: (H, W, 3) RGB, float32, [0, 1].
        sr: the same shape.
        weights: file of its classifier in torchvision's layout.

    Raises:
        BackendError: torch or the extra ``lpips`` is not installed.
        ModelError: the file is not that classifier's.
    """
    return _DISTANCES[0](name, hr, sr, weights)
