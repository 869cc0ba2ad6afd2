"""Foreign ONNX graphs: a run on a small image tells what the file does not say."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kukkiri.errors import ModelError
from kukkiri.info import ModelInfo

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["probe"]

_MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
_SIDES = (33, 47)  # odd, so that multiples of them are multiples of nothing larger


def probe(session: "InferenceSession", *, source: Path) -> ModelInfo:
    """Describe a graph without kukkiri's metadata.

    The scale is that of the output's size, the multiple the smallest power of two that the graph accepts, the
    colour follows from the number of channels, and the receptive field stays unknown (``None``). That input and
    output are in [0, 1] cannot be found out and is assumed.

    Args:
        session: an ``onnxruntime.InferenceSession``.
        source: the file, for messages and for the name.

    Raises:
        ModelError: not one float32 input (N, C, H, W) of open size with 1 or 3 channels, or not an upscaling.
    """
    inputs = session.get_inputs()
    shape = inputs[0].shape
    found = [(field.type, field.shape) for field in inputs]
    if len(inputs) != 1 or len(shape) != 4 or inputs[0].type != "tensor(float)" or shape[1] not in (1, 3):
        raise ModelError(
            f"{source}: holds no kukkiri metadata, and its inputs are {found}; "
            "expected one float32 input (N, C, H, W) with C = 1 or 3. Export it with kukkiri export."
        )
    if isinstance(shape[2], int) or isinstance(shape[3], int):
        raise ModelError(
            f"{source}: made for {shape[2]}x{shape[3]} pixels only. Export it with dynamic height and width."
        )
    colour: Literal["y", "rgb"] = "y" if shape[1] == 1 else "rgb"
    for multiple in _MULTIPLES:
        height, width = (multiple * side for side in _SIDES)
        lr = np.full((1, shape[1], height, width), 0.5, dtype=np.float32)
        try:
            sr = session.run(None, {inputs[0].name: lr})[0]
        except Exception:
            continue
        scale = sr.shape[2] // height if sr.ndim == 4 else 0
        if sr.shape == (1, shape[1], scale * height, scale * width) and scale >= 1:
            return ModelInfo(
                name=source.stem,
                network="unknown",
                scale=scale,
                colour=colour,
                receptive_field=None,
                multiple=multiple,
            )
    raise ModelError(f"{source}: does not upscale by a whole number. Expected sr of scale x the size of lr.")
