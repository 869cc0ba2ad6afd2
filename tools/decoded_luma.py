"""Luma frames of films, and the same as x264 and a decoder give them."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import read_image, rgb_to_y

Plane = NDArray[np.uint8]


def read_luma(path: Path) -> Plane:
    """Read luma of studio range on 0..255, rounded as a video has it."""
    rgb = read_image(path).to_array()[..., :3].astype(np.float64) / 255
    luma: Plane = np.floor(rgb_to_y(rgb) * 255 + 0.5).astype(np.uint8)
    return luma


def encode_and_decode(frames: Sequence[Plane], *, crf: int) -> list[Plane]:
    """Encode luma by x264 (preset medium) and decode it.

    Args:
        frames: (H, W) each; the last row or column of an odd side stays as it is, since x264 takes even sides.
        crf: quality, from 0 (lossless) to 51.
    """
    import av

    height, width = (side // 2 * 2 for side in frames[0].shape)
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": str(crf), "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = width, height, "gray"
        for frame in frames:
            even = np.ascontiguousarray(frame[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, "gray")))
        container.mux(stream.encode(None))
    file.seek(0)
    whole = [frame.copy() for frame in frames]
    with av.open(file, "r") as container:
        for target, decoded in zip(whole, container.decode(video=0), strict=True):
            target[:height, :width] = decoded.to_ndarray()[:height, :width]  # luma stands first
    return whole
