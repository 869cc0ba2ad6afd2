"""Frames of a clip for scoring: HR as it is, LR made from it or read beside it, luma on 0..255."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation
from kukkiri.errors import VideoError, require
from kukkiri.images import rgb_to_y

if TYPE_CHECKING:
    import av

__all__ = ["ClipPairs", "FramePair", "take_luma"]

Plane = NDArray[Any]


@dataclass(frozen=True)
class FramePair:
    """An HR frame and its LR frame."""

    seconds: float
    """Time of the HR frame."""
    hr: "av.VideoFrame"
    lr: "av.VideoFrame"


class ClipPairs:
    """Pairs of HR and LR frames of a clip, one after the other."""

    def __init__(
        self,
        hr: Path,
        *,
        scale: int,
        degradation: Degradation | None,
        lr: Path | None = None,
        frames: int | None = None,
    ) -> None:
        """Open the clips.

        Args:
            hr: the clip; its frames are cut from the top left corner to multiples of the scale.
            scale: HR pixels for one LR pixel along a side.
            degradation: makes each plane of LR from that of HR, its noise from the number of the frame.
            lr: a clip of LR frames instead, as many as HR has.
            frames: only so many.

        Raises:
            BackendError: the extra ``video`` is missing.
            VideoError: a clip cannot be read, is too small, or HR and LR do not fit.
        """
        require("av", for_what="scoring clips")
        from kukkiri.video.source import VideoSource  # av

        self._hr, self._lr, self._degradation, self._frames = hr, lr, degradation, frames
        self.scale = scale
        with VideoSource(hr) as clip:
            info = clip.info
        across, down = (scale * factor for factor in info.pixel_format.subsampling)
        self.width, self.height = info.width - info.width % across, info.height - info.height % down
        if min(self.width, self.height) < 11 + 2 * scale:
            raise VideoError(f"{hr}: {info.width}x{info.height} is too small to be scored at scale {scale}.")
        self.hr_info = dataclasses.replace(info, width=self.width, height=self.height)
        """Of the frames that are compared."""
        self.lr_info = dataclasses.replace(info, width=self.width // scale, height=self.height // scale)
        """Of the frames that are upscaled."""
        if lr is not None:
            with VideoSource(lr) as clip:
                self.lr_info = clip.info
            found = self.lr_info.width, self.lr_info.height
            if (scale * found[0], scale * found[1]) != (info.width, info.height):
                raise VideoError(
                    f"{lr}: {found[0]}x{found[1]} is not {hr} ({info.width}x{info.height}) downscaled by {scale}."
                )
            self.width, self.height, self.hr_info = info.width, info.height, info

    @property
    def total(self) -> int | None:
        """Number of frames, about; ``None`` when not known."""
        info = self.hr_info
        total = info.frames or (
            round(info.duration * info.rate) if info.duration is not None and info.rate is not None else None
        )
        return total if self._frames is None else self._frames if total is None else min(total, self._frames)

    def __iter__(self) -> Iterator[FramePair]:
        """Decode the pairs.

        Raises:
            VideoError: a clip ends before the other, or is damaged.
        """
        from kukkiri.video.source import VideoSource  # av

        with VideoSource(self._hr, threads=1) as clip:
            if self._lr is None:
                for number, frame in enumerate(clip.frames()):
                    if number == self._frames:
                        break
                    hr = self._cut(frame)
                    yield FramePair(_seconds(frame), hr, self._degrade(hr, number))
                return
            with VideoSource(self._lr, threads=1) as other:
                yield from self._pair(clip.frames(), other.frames())

    def _pair(self, hr: "Iterator[av.VideoFrame]", lr: "Iterator[av.VideoFrame]") -> Iterator[FramePair]:
        number = 0
        while number != self._frames:
            pair = next(hr, None), next(lr, None)
            if pair[0] is None or pair[1] is None:
                if pair != (None, None):
                    shorter = self._lr if pair[1] is None else self._hr
                    raise VideoError(f"{shorter}: ends after {number} frames, before the other. Use --frames {number}.")
                return
            yield FramePair(_seconds(pair[0]), pair[0], pair[1])
            number += 1

    def _cut(self, frame: "av.VideoFrame") -> "av.VideoFrame":
        if (frame.width, frame.height) == (self.width, self.height):
            return frame
        return _make_like(frame, (self.height, self.width), lambda plane, size, _: plane[: size[0], : size[1]])

    def _degrade(self, hr: "av.VideoFrame", number: int) -> "av.VideoFrame":
        def shrink(plane: Plane, size: tuple[int, int], place: int) -> Plane:
            seed = np.random.default_rng([0, number, place])
            if self._degradation is None:
                raise ValueError("neither a degradation nor an LR clip was given")
            if plane.dtype == np.uint8:
                return self._degradation.apply(np.ascontiguousarray(plane), scale=self.scale, seed=seed)
            top = (1 << self.hr_info.pixel_format.depth) - 1
            lr = self._degradation.apply(plane.astype(np.float64) / top, scale=self.scale, seed=seed)
            return np.floor(np.clip(lr, 0, 1) * top + 0.5)

        return _make_like(hr, (self.height // self.scale, self.width // self.scale), shrink)


def take_luma(frame: "av.VideoFrame") -> Plane:
    """Luma of a frame on 0..255 as it is stored, (H, W): uint8 for 8 bits, else float64; of RGB, that of BT.601."""
    from kukkiri.video.pixel_formats import PixelFormat  # av
    from kukkiri.video.planes import view_planes

    form = PixelFormat.of(frame.format.name)
    planes = view_planes(frame)
    if form.is_rgb:
        rgb = np.stack([planes[2], planes[0], planes[1]], axis=-1)  # they are stored as G, B, R
        return rgb_to_y(rgb.astype(np.float64) / ((1 << form.depth) - 1)) * 255.0
    if form.depth == 8:
        return planes[0].copy()
    return planes[0].astype(np.float64) / (1 << (form.depth - 8))


def _make_like(frame: "av.VideoFrame", size: tuple[int, int], change: Any) -> "av.VideoFrame":
    """Make a frame of (height, width) whose planes are those of another, changed."""
    from kukkiri.video.planes import new_frame, view_planes  # av

    made = new_frame(size[1], size[0], frame.format.name)
    for place, (plane, target) in enumerate(zip(view_planes(frame), view_planes(made), strict=True)):
        target[:] = change(plane, target.shape, place)
    made.pts, made.time_base = frame.pts, frame.time_base
    made.colorspace, made.color_range = frame.colorspace, frame.color_range
    return made


def _seconds(frame: "av.VideoFrame") -> float:
    return 0.0 if frame.time is None else float(frame.time)
