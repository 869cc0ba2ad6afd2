"""Foreign ONNX graphs: runs on small images tell what the file does not say."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ModelError
from kukkiri.info import ModelInfo
from kukkiri.resampling import resize

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["Probed", "find_value_range", "probe"]

Batch = NDArray[np.float32]

_MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
_SIDES = (33, 47)  # odd, so that multiples of them are multiples of nothing larger
_RANGES = (1.0, 255.0)
_GREYS = (0.2, 0.5, 0.8)
_KEPT = 4 / 255
_WAVES = 4  # in a side of the smooth image: so few that bicubic interpolation restores them, and nearest does not
_SAME = 1 / 510
"""Half an 8-bit level: where both ranges give the same to this, the range does not matter."""
_SURE = 2.0
"""Ratio of the two errors from which on the smaller one is believed."""
_FAITHFUL = 0.15
"""Largest error of a graph that upscales images, as a share of white: a graph that adds 20 of 255 has 0.08."""


@dataclass(frozen=True)
class Probed:
    """Properties of a graph that runs on small images show."""

    info: ModelInfo
    value_range: float
    """White in its units."""
    keeps_grey: bool
    """Flat greys stay the same to four 8-bit levels; a graph that brightens images, for example, does not."""


def probe(session: "InferenceSession", *, source: Path, value_range: float | None = None) -> Probed:
    """Describe a graph without kukkiri's metadata.

    The scale is that of the output's size, the multiple the smallest power of two that the graph accepts, the
    colour follows from the number of channels, and the receptive field stays unknown (``None``).

    Args:
        session: an ``onnxruntime.InferenceSession``.
        source: the file, for messages and for the name.
        value_range: white in its units; found by :func:`find_value_range` when not given.

    Raises:
        ModelError: not one float32 input (N, C, H, W) of open size with 1 or 3 channels, or not an upscaling, or
            neither of the two value ranges is the likelier one.
    """
    if value_range is not None and value_range <= 0:
        raise ModelError(f"{source}: white must be positive, got {value_range:g}. Give --range 255 or --range 1.")
    inputs = session.get_inputs()
    shape = inputs[0].shape
    found = ", ".join(f"{field.type.removeprefix('tensor')} {field.shape}" for field in inputs)
    if len(inputs) != 1 or len(shape) != 4 or inputs[0].type != "tensor(float)" or shape[1] not in (1, 3):
        raise ModelError(
            f"{source}: holds no kukkiri metadata, and its inputs are {found}; "
            "expected one float32 input (N, C, H, W) with C = 1 or 3. Export it with kukkiri export."
        )
    if isinstance(shape[2], int) or isinstance(shape[3], int):
        raise ModelError(
            f"{source}: made for {shape[2]}x{shape[3]} pixels only. Export it with dynamic height and width."
        )

    def run(lr: Batch) -> Batch:
        sr: Batch = session.run(None, {inputs[0].name: lr})[0]
        return sr

    info = _describe(run, channels=shape[1], source=source)
    if value_range is None:
        value_range = find_value_range(run, info, source=str(source))
    white = np.float32(value_range)
    greys = _make_images(info)[: len(_GREYS)]
    change = _mean_error([run(grey * white) / white for grey in greys], greys, scale=info.scale)
    return Probed(info, float(value_range), change <= _KEPT)


def _describe(run: Callable[[Batch], Batch], *, channels: int, source: Path) -> ModelInfo:
    colour: Literal["y", "rgb"] = "y" if channels == 1 else "rgb"
    for multiple in _MULTIPLES:
        height, width = (multiple * side for side in _SIDES)
        try:
            sr = run(np.full((1, channels, height, width), 0.5, dtype=np.float32))
        except Exception:
            continue
        scale = sr.shape[2] // height if sr.ndim == 4 else 0
        if sr.shape == (1, channels, scale * height, scale * width) and scale >= 1:
            return ModelInfo(
                name=source.stem,
                network="unknown",
                scale=scale,
                colour=colour,
                receptive_field=None,
                multiple=multiple,
            )
    raise ModelError(f"{source}: does not upscale by a whole number. Expected sr of scale x the size of lr.")


def find_value_range(run: Callable[[Batch], Batch], info: ModelInfo, *, source: str) -> float:
    """Find white in the units of a graph: with it, flat images stay flat and smooth ones are upscaled.

    Both ranges are tried on three greys and on a smooth image; the error is the mean difference from bicubic
    interpolation, as a share of white. A graph for 0 to 255 takes 0.5 for black, and adds its rounding of a level.

    Args:
        run: the graph.
        info: its descriptor.
        source: the file's name, for the message.

    Raises:
        ModelError: neither range gives an image, or both errors are alike.
    """
    images = _make_images(info)
    with np.errstate(all="ignore"):
        answers = {white: [run(image * np.float32(white)) / np.float32(white) for image in images] for white in _RANGES}
        unit, byte = (answers[white] for white in _RANGES)
        if max(float(np.abs(one - other).max()) for one, other in zip(unit, byte, strict=True)) <= _SAME:
            return 1.0
        errors = {white: _mean_error(answers[white], images, scale=info.scale) for white in _RANGES}
    best, other = sorted(_RANGES, key=lambda white: (np.nan_to_num(errors[white], nan=np.inf), white))
    if errors[best] <= _FAITHFUL and not errors[other] < _SURE * errors[best]:
        return best
    greys = {white: float(answers[white][1].mean()) * white for white in _RANGES}
    raise ModelError(
        f"{source}: does not say whether white is 1 or 255, and runs do not tell: grey 0.5 becomes {greys[1.0]:.3g}, "
        f"grey 127.5 becomes {greys[255.0]:.4g}. Give --range 255 or --range 1 (in Python, model_args)."
    )


def _make_images(info: ModelInfo) -> list[Batch]:
    """Three greys and a slope with waves, (1, C, H, W) in [0, 1]."""
    height, width = (side * info.multiple for side in _SIDES)
    shape = (1, info.channels, height, width)
    rows, columns = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    smooth = 0.5 + 0.3 * (rows - 0.5) + 0.3 * np.sin(2 * np.pi * _WAVES * columns) * np.cos(2 * np.pi * _WAVES * rows)
    greys = [np.full(shape, grey, dtype=np.float32) for grey in _GREYS]
    return [*greys, np.broadcast_to(smooth, shape).astype(np.float32)]


def _mean_error(answers: list[Batch], images: list[Batch], *, scale: int) -> float:
    """Mean difference from bicubic interpolation, without the border, which padding may change."""
    errors: list[Any] = []
    for answer, image in zip(answers, images, strict=True):
        wanted = resize(image[0].transpose(1, 2, 0), scale=scale).transpose(2, 0, 1)[None]
        rows, columns = (slice(side // 4, side - side // 4) for side in wanted.shape[2:])
        errors.append(np.abs(answer[..., rows, columns] - wanted[..., rows, columns]).mean())
    return float(np.mean(errors))
