"""``kukkiri inspect upsampler``: measure the checkerboard that a model writes, show it, and mend it."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.errors import BackendError, ConfigError, ImageError, ModelError
from kukkiri.files import require_images
from kukkiri.images import Image, read_image, rgb_to_y
from kukkiri.inference.engine import Engine, OnnxEngine
from kukkiri.info import ModelInfo
from kukkiri.metrics import psnr
from kukkiri.metrics.checkerboard import (
    Checkerboard,
    NetworkCheckerboard,
    checkerboard,
    network_checkerboard,
    smooth_probe,
    spectrum,
    sub_pixel_residual,
)
from kukkiri.resampling import resize

__all__ = ["inspect_upsampler"]

Array = NDArray[np.float32]
_MARGIN = 12  # LR pixels left out where a network reaches everywhere
_LARGEST_MARGIN = 32
_UNSEEN = 0.5 / 255  # half an 8-bit level
_EVEN_ENOUGH = 0.05 / 255  # a twentieth of an 8-bit level


@dataclass(frozen=True)
class _Report:
    """What is said about one state of a model."""

    network: NetworkCheckerboard
    answer: Array
    """The upscaled image, (H, W, C)."""
    image: Checkerboard
    psnr: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Levels are of 8 bit."""
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
    report: Path | None = None,
    gain: float = 8.0,
    repair: Annotated[bool, Parameter(negative=())] = False,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    every_constant: Annotated[bool, Parameter(negative=())] = False,
    overwrite: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Measure the checkerboard of a model, draw its spectrum and an amplified difference image, and mend it.

    Args:
        model: id, .onnx, .safetensors or .pth file.
        image: an LR image to upscale and look at; a smooth one is made when not given.
        data: folder of HR images; the PSNR on them is given too, and what a repair costs.
        report: folder for spectrum.png and difference.png; NAME-upsampler when not given.
        gain: factor of the difference image around grey.
        repair: even out the phases of the last upsampler with the least change in weights, and write the model.
        output: where the repaired model goes; .onnx from .onnx, else .safetensors.
        every_constant: even out the answer to any constant features, not only to those of flat images; a
            much larger change, for models before training.
        overwrite: replace existing files.
        json: print one JSON object to stdout.
    """
    _check_output(model, repair=repair, output=output, overwrite=overwrite)
    engine = _engine(model)
    info = engine.info
    if info.pre_upsampled or info.scale < 2:
        raise ModelError(f"{info.name}: upscales nothing inside itself, so it has no phases to look at.")
    lr = _image(image, info)
    states = {"before": _measure(engine, lr, data=data)}
    if repair and output is not None:
        if states["before"].network.spread < _UNSEEN:
            print_progress("the phases answer grey alike to half a level already: there is little to mend")
        layer, change = _repaired(model, output, info=info, every=every_constant, overwrite=overwrite)
        print_progress(f"evened out the phases of {layer}; the weights changed by {100 * change:.2f} %")
        states["after"] = _measure(_engine(str(output)), lr, data=data)
    folder = report or Path(f"{info.name.replace('/', '-')}-upsampler")
    difference = _save_difference(states, folder / "difference.png", scale=info.scale, gain=gain)
    if json:
        print_json({"model": info.name, "scale": info.scale, **{k: one.to_json() for k, one in states.items()}})
    else:
        _print(info, states)
    print_progress(f"wrote {difference}")
    print_progress(f"wrote {_save_spectrum(states, folder / 'spectrum.png', scale=info.scale, name=info.name)}")


def _check_output(model: str, *, repair: bool, output: Path | None, overwrite: bool) -> None:
    if repair != (output is not None):
        raise ConfigError("--repair needs -o FILE for the repaired model, and -o is only for --repair.")
    if output is None:
        return
    expected = ".onnx" if Path(model).suffix == ".onnx" else ".safetensors"
    if output.suffix != expected:
        raise ConfigError(f"{output}: the repaired model of {model} is a {expected} file. Change the suffix.")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output}: exists already. Choose another name or pass --overwrite.")


def _engine(model: str) -> Engine:
    if Path(model).suffix == ".onnx":
        return OnnxEngine(model)
    _need_torch("looking into a model that is not an .onnx file")
    from kukkiri.checkpoints import load
    from kukkiri.inference.torch_engine import TorchEngine

    loaded = load(model)
    return TorchEngine(loaded.module, info=loaded.info)


def _repaired(model: str, output: Path, *, info: ModelInfo, every: bool, overwrite: bool) -> tuple[str, float]:
    """Write the repaired model; (name of the layer, relative change of its weights)."""
    _need_torch("repairing")
    from kukkiri.upsampling import make_flat_images, repair_

    side = -(-(2 * _margin(info) + 1) // info.multiple) * info.multiple
    flat = None if every else make_flat_images(info.channels, size=side)
    if Path(model).suffix == ".onnx":
        from kukkiri.upsampling.onnx_repair import repair_onnx

        constants = None if flat is None else flat.numpy()
        return repair_onnx(model, output, constants=constants, tolerance=_EVEN_ENOUGH, overwrite=overwrite)
    from kukkiri.checkpoints import load, save_safetensors

    loaded = load(model)
    white = loaded.module.value_range
    done = repair_(loaded.module, constants=None if flat is None else flat * white, tolerance=_EVEN_ENOUGH * white)
    save_safetensors(loaded.module, output, info=loaded.info, overwrite=overwrite)
    return done


def _margin(info: ModelInfo) -> int:
    """LR pixels at the border that are left out."""
    return min(_LARGEST_MARGIN, _MARGIN if info.receptive_field is None else max(4, info.receptive_field))


def _need_torch(what: str) -> None:
    if importlib.util.find_spec("torch") is None:
        raise BackendError(f"{what} needs torch. Install kukkiri[torch].")


def _upscale(engine: Engine) -> Callable[[Array], Array]:
    """The engine as a function of one (H, W, C) image."""

    def run(lr: Array) -> Array:
        answer = engine.run(np.ascontiguousarray(lr.transpose(2, 0, 1)[None]))
        return np.ascontiguousarray(answer[0].transpose(1, 2, 0))

    return run


def _measure(engine: Engine, lr: Array, *, data: Path | None) -> _Report:
    info = engine.info
    upscale = _upscale(engine)
    network = network_checkerboard(
        upscale, scale=info.scale, channels=info.channels, margin=_margin(info), multiple=info.multiple
    )
    answer = upscale(lr)
    return _Report(
        network=network,
        answer=answer,
        image=checkerboard(np.clip(answer, 0.0, 1.0), scale=info.scale),
        psnr=None if data is None else _psnr(upscale, data, info),
    )


def _image(path: Path | None, info: ModelInfo) -> Array:
    """(H, W, C) in the model's colour, sides cut to its multiple."""
    if path is None:
        return smooth_probe(-(-96 // info.multiple) * info.multiple, channels=info.channels)
    colour = _in_colour(read_image(path).colour, info)
    height, width = (side // info.multiple * info.multiple for side in colour.shape[:2])
    if min(height, width) < 16:
        raise ImageError(f"{path}: {colour.shape[1]}x{colour.shape[0]} is too small. Give at least 16x16.")
    return np.ascontiguousarray(colour[:height, :width])


def _in_colour(colour: Array, info: ModelInfo) -> Array:
    if info.colour == "y":
        return rgb_to_y(np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour)[..., None]
    return np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour


def _psnr(upscale: Callable[[Array], Array], folder: Path, info: ModelInfo) -> float:
    """Mean PSNR in the model's own colour, ``scale`` pixels cut, LR by bicubic interpolation, not rounded."""
    step = info.scale * info.multiple
    scores = []
    for path in require_images(folder):
        hr = _in_colour(read_image(path).colour, info)
        hr = hr[: hr.shape[0] // step * step, : hr.shape[1] // step * step]
        sr = upscale(np.ascontiguousarray(resize(hr, scale=1 / info.scale)))
        scores.append(psnr(hr, np.clip(sr, 0.0, 1.0), border=info.scale, data_range=1.0))
    return float(np.mean(scores))


def _print(info: ModelInfo, states: dict[str, _Report]) -> None:
    print_result(f"{info.name} x{info.scale}, levels of 8 bit")
    for name, one in states.items():
        found = one.network
        print_result(
            f"{name + ':':8}score {found.texture.score:6.2f} dB, amplitude {255 * found.texture.amplitude:7.3f}, "
            f"phases of grey differ by {255 * found.spread:7.3f}; image {one.image.score:6.2f} dB"
            + ("" if one.psnr is None else f"; PSNR {one.psnr:.4f} dB")
        )
        for channel in range(found.response.shape[2]):
            response = 255 * found.response[..., channel]
            rows = ["  ".join(f"{value:+8.3f}" for value in row) for row in response - response.mean()]
            label = f"  channel {channel}, mean {response.mean():.2f}: "
            print_result(("\n" + " " * len(label)).join([label + rows[0], *rows[1:]]))


def _save_difference(states: dict[str, _Report], path: Path, *, scale: int, gain: float) -> Path:
    """The upscaled image beside what it carries beyond its mean over one period, times ``gain`` around grey."""
    panels = []
    for one in states.values():
        residual = 0.5 + gain * sub_pixel_residual(one.answer, scale=scale)
        panels.append(np.concatenate([one.answer, residual.astype(np.float32)], axis=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.clip(np.concatenate(panels, axis=0), 0.0, 1.0).astype(np.float32)
    Image.from_array((255 * image + 0.5).astype(np.uint8)).save(path, overwrite=True)
    return path


def _save_spectrum(states: dict[str, _Report], path: Path, *, scale: int, name: str) -> Path:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendError(f"the spectrum plot needs {error.name}. Install kukkiri[report].") from error
    figure = Figure(figsize=(4.2 * len(states), 4.0), layout="constrained")
    axes: Any = figure.subplots(1, len(states), squeeze=False)[0]
    for axis, (state, one) in zip(axes, states.items(), strict=True):
        power = np.fft.fftshift(spectrum(np.clip(one.answer, 0.0, 1.0), scale=scale))
        level = 10 * np.log10(power * power.size + 1e-12)
        image = axis.imshow(level, extent=(-0.5, 0.5, 0.5, -0.5), cmap="magma", vmin=-110, vmax=0)
        for i in range(-(scale // 2), scale // 2 + 1):
            for j in range(-(scale // 2), scale // 2 + 1):
                if (i, j) != (0, 0):
                    axis.plot(j / scale, i / scale, "o", mfc="none", mec="cyan", ms=10, clip_on=False)
        axis.set_title(f"{name}, {state}: {one.network.texture.score:.1f} dB", fontsize=9)
        axis.set_xlabel("cycles per pixel; circles: sub-pixel frequencies", fontsize=8)
        figure.colorbar(image, ax=axis, shrink=0.8, label="power, dB")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    return path
