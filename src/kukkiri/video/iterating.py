"""Arrays in, upscaled arrays out, in order: for programs that decode and encode themselves."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any, TypeVar, Unpack

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError, ImageError
from kukkiri.inference import Upscaler
from kukkiri.inference.engine import Engine, count_usable_threads
from kukkiri.inference.loaded_model import LoadedModel
from kukkiri.inference.options import FrameKeywords
from kukkiri.video.layouts import FLOAT_DEPTH, PlaneLayout
from kukkiri.video.pipeline import run_in_order
from kukkiri.video.plane_upscaler import PlaneUpscaler, Prepared

__all__ = ["iterate", "make_frame_upscaler"]

Sample = TypeVar("Sample", bound=np.generic)
Plane = NDArray[Any]

_TO_PLANES = {1: (0,), 2: (0, 1), 3: (1, 2, 0), 4: (1, 2, 0, 3)}
"""Channel of each plane, by the number of channels: those of RGB are stored as G, B, R."""


@dataclass(frozen=True)
class _Started:
    """A frame on its way."""

    planes: list[Plane]
    before: list[Plane] | None
    target: list[Plane]
    upscaler: PlaneUpscaler
    axes: int
    dtype: np.dtype[Any]


def iterate(
    frames: Iterable[NDArray[Sample]],
    *,
    model: str | PathLike[str] | Engine | LoadedModel | Upscaler = "balanced",
    scale: float | None = None,
    workers: int | None = None,
    reuse: bool = True,
    **upscaler_options: Unpack[FrameKeywords],
) -> Iterator[NDArray[Sample]]:
    """Upscale the frames of a clip that are arrays; several at a time, results in order.

    ::

        for large in kukkiri.video.iterate(frames, model="fast", scale=2):
            write(large)

    Args:
        frames: each (H, W), or (H, W, C): grey, grey and alpha, RGB or RGBA; uint8, uint16, or floats in [0, 1]. Read
            as results are taken, a few ahead, and copied: a buffer may be filled again. Closed with the results.
        model: as of :class:`kukkiri.Upscaler`, or one that is ready, made with ``threads=1``.
        scale: as of :class:`kukkiri.Upscaler`.
        workers: frames in work at one time, each in a thread of its own; by default one for each core.
        reuse: copy what equals the frame before from its result.
        upscaler_options: further keywords of :class:`kukkiri.Upscaler`.

    Returns:
        An iterator over the results, each of its frame's dtype and number of axes. Alpha is interpolated on its own.

    Raises:
        ImageError: a frame is no image, raised where its result would come.
        ConfigError: options that make no sense.
        ModelError: an unknown or damaged model.
    """
    workers = count_usable_threads() if workers is None else workers
    upscaler = make_frame_upscaler(model, scale=scale, workers=workers, options=upscaler_options)
    return _run(frames, upscaler, workers=workers, reuse=reuse)


def make_frame_upscaler(
    model: str | PathLike[str] | Engine | LoadedModel | Upscaler,
    *,
    scale: float | None,
    workers: int,
    options: FrameKeywords,
) -> Upscaler:
    """Make an upscaler with one thread for each of several frames, or take one that is ready.

    Raises:
        ConfigError: options for an upscaler that has them already, or that make no sense.
        ModelError: an unknown or damaged model.
    """
    if not isinstance(model, Upscaler):
        single: FrameKeywords = {"threads": 1, **options}
        return Upscaler(model, scale=scale, workers=workers, **single)
    if scale is not None or options:
        raise ConfigError("a ready upscaler has its scale and options already. Leave them out.")
    return model


def _run(
    frames: Iterable[NDArray[Sample]], upscaler: Upscaler, *, workers: int, reuse: bool
) -> Iterator[NDArray[Sample]]:
    upscalers: dict[tuple[PlaneLayout, tuple[int, int]], PlaneUpscaler] = {}
    newest: list[Plane] = []

    def begin() -> Iterator[_Started]:
        before: _Started | None = None
        for number, frame in enumerate(frames):
            planes, layout = _take_apart(np.asarray(frame), number)
            size = (planes[0].shape[0], planes[0].shape[1])
            if (layout, size) not in upscalers:
                upscalers[layout, size] = PlaneUpscaler(upscaler, layout, size)
            chosen = upscalers[layout, size]
            same = reuse and before is not None and before.upscaler is chosen
            old = before.planes if same and before is not None else None
            started = _Started(planes, old, chosen.make_target(), chosen, np.ndim(frame), np.asarray(frame).dtype)
            yield started
            before = started

    def finish(started: _Started, prepared: Prepared) -> NDArray[Any]:
        started.upscaler.compose(prepared, started.target, newest if started.before is not None else None)
        newest[:] = started.target
        return _put_together(started)

    try:
        yield from run_in_order(
            begin(),
            lambda item, check: lambda: item.upscaler.prepare(item.planes, item.before, item.target, check=check),
            finish,
            workers=workers,
        )
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()


def _take_apart(frame: Plane, number: int) -> tuple[list[Plane], PlaneLayout]:
    """Copy the planes of a frame, in the order of its layout.

    Raises:
        ImageError: it is no image.
    """
    channels = frame.shape[2] if frame.ndim == 3 else 1
    if frame.ndim not in (2, 3) or channels not in _TO_PLANES or 0 in frame.shape:
        raise ImageError(
            f"frame {number}: has the shape {frame.shape}, expected (H, W) or (H, W, C) with C from 1 to 4."
        )
    if frame.dtype.kind == "f":
        values = frame.astype(np.float32)
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise ImageError(f"frame {number}: floats must be in [0, 1]. Divide by the largest value.")
        depth = FLOAT_DEPTH
    elif frame.dtype in (np.dtype(np.uint8), np.dtype(np.uint16)):
        values, depth = frame, 8 * frame.dtype.itemsize
    else:
        raise ImageError(f"frame {number}: is of {frame.dtype}, expected uint8, uint16 or floats in [0, 1].")
    layout = PlaneLayout("grey" if channels < 3 else "rgb", depth, has_alpha=channels in (2, 4), full_range=True)
    stacked = values.reshape(*frame.shape[:2], channels)
    return [np.array(stacked[..., channel], order="C") for channel in _TO_PLANES[channels]], layout


def _put_together(started: _Started) -> Plane:
    """Join the planes of a result; the array is the caller's own."""
    planes = started.target
    if started.axes == 2:
        return planes[0].astype(started.dtype)
    order = np.argsort(_TO_PLANES[len(planes)])
    return np.stack([planes[plane] for plane in order], axis=-1).astype(started.dtype, copy=False)
