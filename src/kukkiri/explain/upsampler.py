"""The checkerboard that a model writes: its scores, its spectrum, an amplified difference image, and the repair.

An ``.onnx`` file is measured without torch; every other model, and every repair, needs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError, ModelError, require
from kukkiri.evaluation import evaluate
from kukkiri.explain.figures import make_figure, save_figure
from kukkiri.files import make_folder
from kukkiri.images import Image, read_image, rgb_to_y
from kukkiri.inference import Engine
from kukkiri.inference.choosing import choose_model, runs_on_torch
from kukkiri.info import JSON, ModelInfo
from kukkiri.metrics.checkerboard import (
    Checkerboard,
    NetworkCheckerboard,
    checkerboard,
    network_checkerboard,
    smooth_probe,
    spectrum,
    sub_pixel_residual,
)

__all__ = ["UpsamplerReport", "draw_difference", "draw_spectrum", "inspect_upsampler", "repair_model"]

Array = NDArray[np.float32]
_MARGIN = 12  # LR pixels left out at the border of a network whose receptive field is the whole image
_LARGEST_MARGIN = 32
_INVISIBLE = 0.5 / 255  # half an 8-bit level
_EVEN_ENOUGH = 0.05 / 255  # a twentieth of an 8-bit level


@dataclass(frozen=True, kw_only=True)
class UpsamplerReport:
    """The checkerboard of a model."""

    info: ModelInfo
    network: NetworkCheckerboard
    """Measured on grey and on a texture without energy at the sub-pixel frequencies."""
    sr: Array
    """An upscaled image, (scale*H, scale*W, C), not clamped."""
    image: Checkerboard
    """Of ``sr``."""
    psnr: float | None = None
    """Mean over the images of a folder in dB, protocol y-matlab, bicubic LR; ``None`` without a folder."""

    @property
    def invisible(self) -> bool:
        """True when the phases answer grey within half an 8-bit level of each other."""
        return self.network.spread < _INVISIBLE

    def to_json(self) -> dict[str, Any]:
        """The object of a state in ``kukkiri inspect upsampler --json``; levels are of 8 bit."""
        values: dict[str, Any] = {
            "score_db": self.network.texture.score,
            "amplitude_levels": 255 * self.network.texture.amplitude,
            "phase_spread_levels": 255 * self.network.spread,
            "phase_response_levels": (255 * self.network.response).tolist(),
            "image_score_db": self.image.score,
            "image_amplitude_levels": 255 * self.image.amplitude,
        }
        return values if self.psnr is None else {**values, "psnr": self.psnr}


def inspect_upsampler(
    model: str,
    *,
    image: Path | None = None,
    data: Path | None = None,
    model_args: Mapping[str, JSON] | None = None,
    device: str = "cpu",
) -> UpsamplerReport:
    """Measure the checkerboard of a model.

    Args:
        model: id, ``.onnx``, ``.safetensors`` or ``.pth`` file.
        image: an LR image of at least 16x16 pixels to upscale; ``None``: a smooth one that is made.
        data: folder of HR images for the PSNR, or of folders of them.
        model_args: what a file of others does not tell, see :class:`kukkiri.Upscaler`.
        device: where the network runs, see :class:`kukkiri.Upscaler`.

    Raises:
        BackendError: the model is not an ``.onnx`` file and torch is missing, or there is no such device.
        ConfigError: it is no name of a device.
        ImageError: the image is too small.
        ModelError: the model cannot be loaded, or does not upscale inside itself.
    """
    engine = _load_engine(model, model_args or {}, device=device)
    info = engine.info
    if info.pre_upsampled or info.scale < 2:
        raise ModelError(f"{info.name}: does not upscale inside itself, so it has no phases to measure.")

    def upscale(lr: Array) -> Array:
        answer = engine.run(np.ascontiguousarray(lr.transpose(2, 0, 1)[None]))
        return np.ascontiguousarray(answer[0].transpose(1, 2, 0))

    sr = upscale(_make_lr(image, info))
    return UpsamplerReport(
        info=info,
        network=network_checkerboard(
            upscale, scale=info.scale, channels=info.channels, margin=_margin(info), multiple=info.multiple
        ),
        sr=sr,
        image=checkerboard(np.clip(sr, 0.0, 1.0), scale=info.scale),
        psnr=None
        if data is None
        else _mean_psnr(
            model, data, scale=info.scale, model_args=model_args, device=device if runs_on_torch(model) else None
        ),
    )


def repair_model(
    model: str,
    output: Path,
    *,
    info: ModelInfo,
    every_constant: bool = False,
    overwrite: bool = False,
    model_args: Mapping[str, JSON] | None = None,
) -> tuple[str, float]:
    """Even out the phases of the last upsampler with the least change of its weights, and write the model.

    Args:
        model: see :func:`inspect_upsampler`.
        output: ``.onnx`` for an ``.onnx`` model, else ``.safetensors``; its folder is made.
        info: of the model.
        every_constant: even out the answer to any constant features, not only to those of flat images; a much larger
            change, for models before training.
        overwrite: replace an existing file.
        model_args: see :func:`inspect_upsampler`.

    Returns:
        Name of the layer, and the relative change of its weights.

    Raises:
        BackendError: torch is missing.
        ModelError: the model has no layer that can be repaired.
    """
    require("torch", for_what="repairing a model")
    make_folder(output.parent)
    from kukkiri.upsampling import make_flat_images, repair_

    side = -(-(2 * _margin(info) + 1) // info.multiple) * info.multiple
    flat = None if every_constant else make_flat_images(info.channels, size=side)
    if Path(model).suffix == ".onnx":
        from kukkiri.upsampling.onnx_repair import repair_onnx

        constants = None if flat is None else flat.numpy()
        return repair_onnx(model, output, constants=constants, tolerance=_EVEN_ENOUGH, overwrite=overwrite)
    from kukkiri.checkpoints import load, save_safetensors

    loaded = load(model, **(model_args or {}))
    white = loaded.module.value_range
    repaired = repair_(loaded.module, constants=None if flat is None else flat * white, tolerance=_EVEN_ENOUGH * white)
    save_safetensors(loaded.module, output, info=loaded.info, overwrite=overwrite)
    return repaired


def draw_difference(reports: Mapping[str, UpsamplerReport], path: Path, *, gain: float = 8.0) -> None:
    """Write each upscaled image beside its difference from its mean over one period.

    Args:
        reports: by the name of the state, such as ``before`` and ``after``; one below the other.
        path: of the image; its folder is made, an existing file replaced.
        gain: factor of the difference around grey.
    """
    rows = []
    for report in reports.values():
        residual = 0.5 + gain * sub_pixel_residual(report.sr, scale=report.info.scale)
        rows.append(np.concatenate([report.sr, residual.astype(np.float32)], axis=1))
    make_folder(path.parent)
    image = np.clip(np.concatenate(rows, axis=0), 0.0, 1.0).astype(np.float32)
    Image.from_array((255 * image + 0.5).astype(np.uint8)).save(path, overwrite=True)


def draw_spectrum(reports: Mapping[str, UpsamplerReport], path: Path) -> None:
    """Draw the power spectrum of each upscaled image, with circles around the sub-pixel frequencies.

    Args:
        reports: by the name of the state; side by side.
        path: of the figure; its folder is made, an existing file replaced.

    Raises:
        BackendError: matplotlib is missing.
    """
    figure = make_figure(4.2 * len(reports), 4.0, dpi=100)
    axes: Any = figure.subplots(1, len(reports), squeeze=False)[0]
    for axis, (state, report) in zip(axes, reports.items(), strict=True):
        scale = report.info.scale
        power = np.fft.fftshift(spectrum(np.clip(report.sr, 0.0, 1.0), scale=scale))
        level = 10 * np.log10(power * power.size + 1e-12)
        image = axis.imshow(level, extent=(-0.5, 0.5, 0.5, -0.5), cmap="magma", vmin=-110, vmax=0)
        for row in range(-(scale // 2), scale // 2 + 1):
            for column in range(-(scale // 2), scale // 2 + 1):
                if (row, column) != (0, 0):
                    axis.plot(column / scale, row / scale, "o", mfc="none", mec="cyan", ms=10, clip_on=False)
        axis.set_title(f"{report.info.name}, {state}: {report.network.texture.score:.1f} dB", fontsize=9)
        axis.set_xlabel("cycles per pixel; circles: sub-pixel frequencies", fontsize=8)
        figure.colorbar(image, ax=axis, shrink=0.8, label="power, dB")
    make_folder(path.parent)
    save_figure(figure, path, metadata={"Software": None})


def _load_engine(model: str, model_args: Mapping[str, JSON], *, device: str) -> Engine:
    if Path(model).suffix == ".onnx":
        (engine,) = choose_model(model, scale=None, model_args=model_args, device=device).engines
        return engine
    require("torch", for_what="inspecting a model that is not an .onnx file")
    from kukkiri.checkpoints import load
    from kukkiri.inference.torch_engine import TorchEngine

    loaded = load(model, **model_args)
    return TorchEngine(loaded.module, info=loaded.info, device=device)


def _margin(info: ModelInfo) -> int:
    """LR pixels at the border that are left out."""
    return min(_LARGEST_MARGIN, _MARGIN if info.receptive_field is None else max(4, info.receptive_field))


def _make_lr(path: Path | None, info: ModelInfo) -> Array:
    """(H, W, C) in the model's colour, sides cut to its multiple."""
    if path is None:
        return smooth_probe(-(-96 // info.multiple) * info.multiple, channels=info.channels)
    colour = read_image(path).colour
    if colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    if info.colour == "y":
        colour = rgb_to_y(colour)[..., None]
    height, width = (side // info.multiple * info.multiple for side in colour.shape[:2])
    if min(height, width) < 16:
        raise ImageError(f"{path}: {colour.shape[1]}x{colour.shape[0]} is too small. Give at least 16x16.")
    return np.ascontiguousarray(colour[:height, :width])


def _mean_psnr(
    model: str, folder: Path, *, scale: int, model_args: Mapping[str, JSON] | None, device: str | None
) -> float:
    found = evaluate(model, data=folder, scale=scale, model_args=model_args, device=device)
    scores = [score.psnr for images in found.sets.values() for score in images.images.values()]
    return float(np.mean(scores))
