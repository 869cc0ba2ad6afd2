"""Conversion of colours to sRGB by their profile, for formats that have no place for one."""

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.libvips import clear_errors, failure_types, vips
from kukkiri.images.quantization import dequantize, quantize

__all__ = ["convert_profile"]


def convert_profile(colour: NDArray[np.float32], icc: bytes, form: str) -> tuple[NDArray[np.float32], str]:
    """Convert colours to sRGB in 16 bits.

    Args:
        colour: (H, W, 1 or 3), [0, 1].
        icc: their profile.
        form: name of the format, for the note.

    Returns:
        The colours, the same when the profile is damaged or for another kind of pixels, and a note.
    """
    levels = quantize(colour, 16)
    kind = "grey16" if colour.shape[2] == 1 else "rgb16"
    clear_errors()
    try:
        image = vips().Image.new_from_array(levels, interpretation=kind).copy()
        image.set_type(vips().GValue.blob_type, "icc-profile-data", icc)
        options = {"intent": "relative", "black_point_compensation": True, "depth": 16, "embedded": True}
        converted = dequantize(image.icc_transform("srgb", **options).numpy())
    except failure_types():
        clear_errors()
        return colour, f"the colour profile cannot be used for {form} and was dropped: colours may differ"
    if colour.shape[2] == 1 and converted.ndim == 3 and converted.shape[2] == 3:
        converted = converted[..., 1:2]  # a neutral grey has the same value in all three
    return converted.reshape(colour.shape), f"colours were converted to sRGB: {form} has no place for a profile"
