"""kukkiri: super-resolution that keeps every digit, runs on an ordinary CPU, and reads well.

Importing the package costs nothing: every public name is loaded when it is first used, and nothing
here needs torch except :func:`load` and :func:`adapt`.
"""

from typing import TYPE_CHECKING, Any

from kukkiri import engine_loaders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kukkiri.adaptation import adapt
    from kukkiri.checkpoints import load
    from kukkiri.errors import (
        BackendError,
        ConfigError,
        ImageError,
        KukkiriError,
        ModelError,
        TrainingError,
        VideoError,
    )
    from kukkiri.images import Image
    from kukkiri.inference import Engine, Upscaler, upscale
    from kukkiri.info import ModelInfo
    from kukkiri.video import upscale_video

__version__ = "0.1.0"

__all__ = [
    "BackendError",
    "ConfigError",
    "Image",
    "ImageError",
    "KukkiriError",
    "ModelError",
    "ModelInfo",
    "TrainingError",
    "Upscaler",
    "VideoError",
    "__version__",
    "adapt",
    "load",
    "upscale",
    "upscale_video",
]

_HOMES = {
    "BackendError": "kukkiri.errors",
    "ConfigError": "kukkiri.errors",
    "Image": "kukkiri.images",
    "ImageError": "kukkiri.errors",
    "KukkiriError": "kukkiri.errors",
    "ModelError": "kukkiri.errors",
    "ModelInfo": "kukkiri.info",
    "TrainingError": "kukkiri.errors",
    "Upscaler": "kukkiri.inference",
    "VideoError": "kukkiri.errors",
    "adapt": "kukkiri.adaptation",
    "load": "kukkiri.checkpoints",
    "upscale": "kukkiri.inference",
    "upscale_video": "kukkiri.video",
}
"""The package that each public name is loaded from when it is first used."""

if not TYPE_CHECKING:  # a type checker that saw it would believe in every name

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'kukkiri' has no attribute {name!r}")
        import importlib

        if name in ("adapt", "load"):
            from kukkiri.errors import require

            require("torch", for_what=f"{name}()")
        value = getattr(importlib.import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__


def _load_torch_weights(path: "Path", options: engine_loaders.LoadOptions) -> "Sequence[Engine]":
    """Cross to the half that needs torch, because a user's file asks for it."""
    from kukkiri.errors import BackendError

    try:
        from kukkiri.blind.engines import load_solver
        from kukkiri.checkpoints import Loaded
        from kukkiri.inference.torch_engine import make_engines
    except ImportError as error:
        raise BackendError(
            f"{path}: torch weights need torch ({error}). Install kukkiri[torch], or use an .onnx file."
        ) from error
    loaded = load_solver(path, scale=options.scale, arguments=options.arguments)
    if not isinstance(loaded, Loaded):
        return (loaded,)
    scale = None if "scale" in options.arguments else options.scale
    return make_engines(loaded, scale=scale, device=options.device)


def _estimate_by_kernel_gan(image: Any, scale: int, seed: int) -> Any:
    """Cross to the half that needs torch, because an estimator is trained on the image."""
    from kukkiri.errors import require

    require("torch", for_what="--estimator kernelgan")
    from kukkiri.blind import estimate_kernel_gan

    return estimate_kernel_gan(image, scale=scale, seed=seed).kernel


def _make_upscaler(model: object, **options: Any) -> "Upscaler":
    """Cross to the half that runs images, because a loaded network is to do so."""
    from kukkiri.inference import Upscaler

    return Upscaler(model, **options)  # type: ignore[arg-type]  # what kukkiri.load returned


def _compute_features(image: Any, layers: tuple[str, ...]) -> list[Any]:
    """Cross to the half that needs torch, because a metric compares features."""
    from kukkiri.errors import require

    require("torch", for_what="the features of EfficientNet-Lite0")
    import torch

    from kukkiri.losses.feature_space import compute_features

    batch = torch.from_numpy(image.transpose(2, 0, 1).copy())[None]
    with torch.inference_mode():
        found = compute_features(
            batch, network="efficientnet-lite0", weights="", layers=layers, normalization="imagenet"
        )
    return [features[0].numpy() for features in found]


def _compute_distance(name: str, hr: Any, sr: Any, weights: "Path") -> float:
    """Cross to the half that needs torch, because a metric is a learned distance."""
    from kukkiri.errors import require

    require("torch", for_what=name.upper())
    import torch

    from kukkiri.losses.learned_distances import DISTANCES

    images = [torch.from_numpy(image.transpose(2, 0, 1).copy())[None] for image in (sr, hr)]
    with torch.inference_mode():
        return float(DISTANCES[name](*images, weights=str(weights)))


engine_loaders.register(".safetensors", ".pth", ".pt", ".ckpt", ".bin", "", loader=_load_torch_weights)
engine_loaders.register_upscaler(_make_upscaler)
engine_loaders.register_features(_compute_features)
engine_loaders.register_distances(_compute_distance)
engine_loaders.register_estimator("kernelgan", _estimate_by_kernel_gan)
