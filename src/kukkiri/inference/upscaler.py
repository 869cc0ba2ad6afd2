"""Any image through any model: the front door of the torch-free half."""

import copy
import dataclasses
import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError, ImageError, ModelError
from kukkiri.images import (
    EncodedImage,
    Image,
    ImageSource,
    PillowImage,
    bleed,
    dequantize,
    in_kind,
    open_image,
    quantize,
    read_image,
)
from kukkiri.inference import luma
from kukkiri.inference.alpha_resize import resize_alpha
from kukkiri.inference.choosing import Domain, choose_model, load_shipped
from kukkiri.inference.chop import chop
from kukkiri.inference.engine import Engine, usable_threads
from kukkiri.inference.ensemble import run_ensemble
from kukkiri.inference.flat_regions import SkipStatistics, run_skipping_flat
from kukkiri.inference.memory import available_memory
from kukkiri.inference.strip_threads import each_strip
from kukkiri.inference.tiling import SeamScore, TileSize, choose_tile, run_pass
from kukkiri.resampling import StripResize, resize

__all__ = ["Plan", "Upscaler", "upscale"]

Plane = NDArray[np.float32]
Sample = TypeVar("Sample", bound=np.generic)
Progress = Callable[[int, int], None]
_LOG = logging.getLogger(__name__)
_SHARE = 0.8  # of the free memory that the images in work may take together
_COPIES = 3  # float32 copies of the result that are alive at one time


@dataclass(frozen=True)
class Plan:
    """What an upscaler will do with an image of some size."""

    output_size: tuple[int, int]
    """(height, width) of the result."""
    passes: tuple[tuple[str, tuple[int, int], TileSize | None], ...]
    """For each network run: model, (height, width) of its input, and the tile, ``None`` for the whole."""
    memory: int
    """Estimated bytes, weights not counted."""


class Upscaler:
    """Upscales images with one model; reusable and thread-safe.

    The same input, model and number of threads give the same pixels.
    """

    def __init__(
        self,
        model: str | PathLike[str] | Engine = "balanced",
        *,
        scale: float | None = None,
        ensemble: bool = False,
        chop: bool = False,
        tile: int | Literal["auto"] | None = None,
        threads: int | None = None,
        memory: int | None = None,
        workers: int = 1,
        skip_flat: bool = False,
        weights: Domain = "auto",
    ) -> None:
        """Load the model.

        Args:
            model: a preset (``fast``, ``balanced``, ``best``), a shipped model (``espcn-x3``) or family
                (``espcn``), an interpolation (``bicubic``, ``bilinear``, ``lanczos``, ``nearest``), an ``.onnx``
                file, torch weights, or an engine.
            scale: output pixels for one input pixel along a side, any number of at least 1; by default the
                model's own, 2 for presets, families and interpolations. Reached by the fewest network
                runs whose scales multiply to it or more, then an antialiased bicubic resize to
                round(scale * side). Scale 1 gives the image back unchanged.
            ensemble: average over eight flips and turns; the preset ``best`` does so by itself.
            chop: in four quadrants, as EDSR, RCAN and SAN published their numbers; see :func:`chop`. With a
                network that reads the whole image the result differs, and there is a seam.
            tile: largest side, in LR pixels, that a network is given at once; ``None`` or ``auto``: the whole
                image while memory allows, else what fits; 0: always the whole image.
            threads: for one image; by default all cores.
            memory: bytes that one image may take; by default 80 % of what is free, divided by ``workers``.
            workers: images that the caller has in work at one time, each in a thread of its own.
            skip_flat: interpolate flat parts of the image, where that differs from the network by less than half
                a grey level, and run the network on the rest; a note says how much was spared.
            character: of a preset's or family's networks: ``clean`` for screenshots, renders and benchmarks,
                ``photo`` for what JPEG, noise and slight blur have damaged; ``auto``: ``photo`` for images that
                were read from a file compressed with loss, where such weights are shipped, and ``clean`` otherwise,
                so for arrays. See :meth:`suited`.

        Raises:
            ModelError: an unknown or damaged model, an impossible scale, or a degradation domain that is not shipped.
            ConfigError: a negative tile, thread count or memory, no worker, or options that exclude one another.
            BackendError: the model needs an engine that is not installed.
        """
        if chop and tile not in (None, "auto"):
            raise ConfigError("chop and tile both cut the image, each in its way. Use one of them.")
        if chop and skip_flat:
            raise ConfigError("chop is for published numbers, which skip_flat changes a little. Use one of them.")
        if (isinstance(tile, int) and tile < 0) or (threads or 0) < 0 or (memory or 0) < 0:
            raise ConfigError(f"tile, threads and memory must not be negative, got {tile}, {threads}, {memory}.")
        if workers < 1:
            raise ConfigError(f"workers must be at least 1, got {workers}.")
        choice = choose_model(model, scale=scale, threads=threads, weights=weights)
        self.name = choice.name
        self.scale = choice.scale
        self.engines = choice.engines
        self.kernel = choice.kernel
        self.ensemble = ensemble or choice.ensemble
        self.chop = chop
        self.skip_flat = skip_flat
        self.domain = choice.domain
        self._load_photo = partial(load_shipped, choice.photo, threads=threads) if choice.photo else None
        self._photo: Upscaler | None = None
        self._lock = threading.Lock()
        if skip_flat and self.kernel is not None:
            raise ConfigError(f"skip_flat saves runs of a network, and {self.name} has none. Drop it.")
        self._tile = None if tile == "auto" else tile
        self._memory = memory
        self._workers = workers
        self.threads = threads or usable_threads()

    @overload
    def __call__(self, image: NDArray[Sample], *, progress: Progress | None = None) -> NDArray[Sample]: ...

    @overload
    def __call__(self, image: EncodedImage | PillowImage | Image, *, progress: Progress | None = None) -> Image: ...

    def __call__(self, image: ImageSource, *, progress: Progress | None = None) -> NDArray[np.generic] | Image:
        """Upscale an image; depth and metadata stay, and transparency has no fringes.

        Args:
            image: an array, (H, W) or (H, W, C): grey, grey and alpha, RGB or RGBA; uint8, uint16, or floats in
                [0, 1]. Or an image: a path, bytes, a binary file, a ``PIL.Image``, a :class:`kukkiri.Image`; see
                :func:`kukkiri.images.open_image`.
            progress: called with (done, total) network runs.

        Returns:
            For an array (round(scale*H), round(scale*W)[, C]) of its dtype, else an image. A line in its ``notes``
            gives the seam score when tiles had to be blended.

        Raises:
            ImageError: there is no image, or memory does not suffice for the result.
            ModelError: the network gave NaN or infinity.
            TypeError: it is of a type that holds no image.
        """
        return in_kind(self._upscale_image(open_image(image), progress=progress), image)

    @property
    def has_photo(self) -> bool:
        """Whether :meth:`suited` has a choice."""
        return self._load_photo is not None

    def suited(self, image: Image) -> "Upscaler":
        """The upscaler that a call uses for this image: itself, or its twin for photographs.

        The twin is taken for a lossy image when the degradation domain is ``auto`` and such weights are shipped; they are
        loaded when the first one comes. ``domain`` tells which it is.
        """
        if not image.lossy or self._load_photo is None:
            return self
        with self._lock:
            if self._photo is None:
                twin = copy.copy(self)
                twin.engines, twin.domain, twin._load_photo = self._load_photo(), "photo", None
                self._photo = twin
        return self._photo

    def _upscale_image(self, image: Image, *, progress: Progress | None) -> Image:
        suited = self.suited(image)
        if suited is not self:
            return suited._upscale_image(image, progress=progress)
        channels = image.colour.shape[2] + (image.alpha is not None)
        run = _Run(self, image.size, channels=channels, progress=progress)
        if run.unchanged:
            return image
        colour, alpha = image.colour, image.alpha
        if alpha is not None:
            colour = bleed(colour, alpha)
        if self.kernel is not None:
            interpolate = partial(
                _interpolate, size=run.size, kernel=self.kernel, depth=image.depth, threads=self.threads
            )
            colour = interpolate(colour)
            alpha = None if alpha is None else interpolate(alpha)
        else:
            if alpha is not None:
                alpha = resize_alpha(alpha, run.size)
            colour = run.through_networks(colour)
        return dataclasses.replace(image, colour=colour, alpha=alpha, notes=(*image.notes, *run.notes()))

    def upscale_planes(self, lr: Plane) -> Plane:
        """Upscale the network's own planes: Y or RGB without any conversion; for evaluation and video.

        Args:
            lr: (C, H, W), float32, [0, 1]; C is 1 for a luma network, 3 for an RGB network, any for an
                interpolation. Luma is in MATLAB's studio range, [16/255, 235/255].

        Returns:
            (C, round(scale*H), round(scale*W)), not clamped.

        Raises:
            ImageError: memory does not suffice for the result.
            ModelError: another number of channels, or the network gave NaN or infinity.
        """
        if self.engines and lr.shape[0] != self.engines[0].info.channels:
            expected = self.engines[0].info.channels
            raise ModelError(f"{self.name}: takes {expected} planes, got {lr.shape[0]}. Convert the colours first.")
        run = _Run(self, (lr.shape[1], lr.shape[2]), channels=lr.shape[0], progress=None)
        if run.unchanged:
            return lr
        sr: Plane = _resize_planes(lr[None], run.size, kernel=self.kernel) if self.kernel else run.planes(lr[None])
        first: Plane = sr[0]
        return first

    def plan(self, size: tuple[int, int], *, channels: int = 3) -> Plan:
        """What would be done with an image of (height, width) and so many channels, alpha included.

        Raises:
            ImageError: memory does not suffice for the result, or for the smallest tile.
        """
        output_size = _output_size(size, self.scale)
        budget = int(_SHARE * available_memory() / self._workers) if self._memory is None else self._memory
        final = output_size[0] * output_size[1]
        last = math.prod(engine.info.scale for engine in self.engines) ** 2 * size[0] * size[1]
        planes = 1 if self._colour == "y" else 3
        arrays = 4 * (_COPIES * channels * final + 2 * planes * last)
        if arrays > budget:
            raise ImageError(
                f"a result of {output_size[0]}x{output_size[1]} pixels needs about {arrays / 1e9:.1f} GB, but "
                f"{budget / 1e9:.1f} GB are free. Use a smaller scale, or cut the image into parts."
            )
        passes, largest, (height, width) = [], 0, size
        for engine in self.engines:
            upscaled = engine.info.scale if engine.info.pre_upsampled else 1
            entered = (height * upscaled, width * upscaled)
            tile = self._tile_for(engine, entered, budget=budget - arrays)
            seen = entered if tile is None else (min(tile[0], entered[0]), min(tile[1], entered[1]))
            largest = max(largest, engine.footprint.bytes(seen[0] * seen[1]))
            passes.append((engine.info.name, entered, tile))
            height, width = height * engine.info.scale, width * engine.info.scale
        return Plan(output_size, tuple(passes), arrays + largest)

    @property
    def _colour(self) -> str:
        return self.engines[0].info.colour if self.engines else "rgb"

    def _tile_for(self, engine: Engine, size: tuple[int, int], *, budget: int) -> TileSize | None:
        if self._tile is None:
            return choose_tile(engine, size, budget=budget)
        fits = self._tile == 0 or max(size) <= self._tile
        return None if fits else (self._tile, self._tile)


class _Run:
    """One image on its way through one upscaler."""

    def __init__(self, upscaler: Upscaler, size: tuple[int, int], *, channels: int, progress: Progress | None) -> None:
        self.upscaler = upscaler
        self.plan = upscaler.plan(size, channels=channels)
        self.size = self.plan.output_size
        self.unchanged = upscaler.scale == 1 and not upscaler.engines
        self.seams = SeamScore()
        self.statistics = SkipStatistics()
        self._progress, self._done = progress, 0
        self._runs = len(upscaler.engines) * (8 if upscaler.ensemble else 1)

    def through_networks(self, colour: Plane) -> Plane:
        """(H, W, C) to (sH, sW, C), clamped to [0, 1]."""
        grey = luma.is_grey(colour)
        if self.upscaler.engines[0].info.colour == "y":
            if grey:
                sr = luma.luma_to_grey(self.planes(luma.grey_to_luma(colour[None, None, ..., 0])))[0, 0]
            else:
                y, red, blue = luma.split_colour(colour)
                sr = self.planes(y[None, None])[0, 0]
                return luma.join_colour(sr, red, blue, threads=self.upscaler.threads)
        elif grey:
            sr = self.planes(np.repeat(colour[None, None, ..., 0], 3, axis=1))[0].mean(axis=0)
        else:
            return luma.interleave(self.planes(colour.transpose(2, 0, 1)[None])[0], threads=self.upscaler.threads)
        return _clamped(np.repeat(sr[..., None], colour.shape[2], axis=2))

    def notes(self) -> list[str]:
        """What the user should know about this result."""
        notes = [self.statistics.note()] if self.statistics.total else []
        if self.seams.seams:
            mean, most = 255 * self.seams.mean, 255 * self.seams.maximum
            notes.append(f"upscaled in blended tiles; they differ by {mean:.2f} of 255 levels, at most by {most:.1f}")
        return notes

    def planes(self, lr: Plane) -> Plane:
        """(1, C, H, W) through every network and to the asked size, not clamped at the end."""
        planes = lr
        for number, (engine, (_, size, tile)) in enumerate(zip(self.upscaler.engines, self.plan.passes, strict=True)):
            if number:
                planes = np.clip(planes, 0, 1)
            if engine.info.pre_upsampled:
                planes = _resize_planes(planes, size)
            planes = self._one(engine, planes, tile)
        return _resize_planes(planes, self.size) if planes.shape[-2:] != self.size else planes

    def _one(self, engine: Engine, lr: Plane, tile: TileSize | None) -> Plane:
        height, width = lr.shape[-2:]

        def run(batch: Plane) -> Plane:
            turned = batch.shape[-2:] != (height, width)
            this_tile = tile[::-1] if tile and turned else tile
            if self.upscaler.chop:
                sr = self._chopped(engine, batch)
            elif self.upscaler.skip_flat:
                sr = run_skipping_flat(engine, batch, tile=this_tile, seams=self.seams, statistics=self.statistics)
            else:
                sr = run_pass(engine, batch, tile=this_tile, seams=self.seams)
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self._runs)
            return sr

        sr = run_ensemble(run, lr) if self.upscaler.ensemble else run(lr)
        if not (math.isfinite(float(sr.min())) and math.isfinite(float(sr.max()))):
            raise ModelError(
                f"{engine.info.name}: the network gave NaN or infinity for this image, so there is no result. "
                "Its weights may be damaged or made for another range; try another model."
            )
        return sr

    def _chopped(self, engine: Engine, lr: Plane) -> Plane:
        """(1, C, H, W) in the official four quadrants."""

        def upscale(quadrant: Plane) -> Plane:
            planes = np.ascontiguousarray(quadrant.transpose(2, 0, 1))[None]
            sr: Plane = run_pass(engine, planes, tile=None, seams=self.seams)[0].transpose(1, 2, 0)
            return sr

        scale = 1 if engine.info.pre_upsampled else engine.info.scale
        chopped: Plane = chop(lr[0].transpose(1, 2, 0), upscale, scale=scale).transpose(2, 0, 1)[None]
        return chopped


def upscale(
    path: str | PathLike[str], *, scale: float | None = 2, model: str | PathLike[str] = "balanced", **options: Any
) -> Image:
    """Read an image and upscale it.

    Args:
        path: an image file.
        scale: see :class:`Upscaler`.
        model: see :class:`Upscaler`.
        **options: further keywords of :class:`Upscaler`.

    Returns:
        The larger image; ``.save("out.png")`` writes it with its metadata.

    Raises:
        KukkiriError: the file, the model or the scale does not fit; see :class:`Upscaler`.
    """
    upscaler = Upscaler(model, scale=scale, **options)
    return upscaler(read_image(path))


def _output_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    height, width = (max(1, math.floor(scale * side + 0.5)) for side in size)
    return height, width


def _clamped(colour: Plane) -> Plane:
    return np.clip(colour, 0, 1, out=colour)


def _interpolate(values: Plane, size: tuple[int, int], *, kernel: str, depth: int, threads: int) -> Plane:
    """Integer images in integers, as MATLAB does, so that published bicubic scores are met; floats in floats."""
    if depth == 32:
        return np.clip(resize(values, output_size=size, kernel=kernel), 0, 1)
    levels = quantize(values, depth)
    strips = StripResize(levels.reshape(*levels.shape[:2], -1).transpose(2, 0, 1), output_size=size, kernel=kernel)
    result = np.empty((*size, *values.shape[2:]), dtype=np.float32)
    channels = result.reshape(*size, -1)

    def fill(first: int) -> None:
        some = slice(first, min(first + strips.strip, size[0]))
        for channel, plane in enumerate(strips.rows(some.start, some.stop)):
            channels[some, :, channel] = dequantize(plane, depth)

    each_strip(fill, range(0, size[0], strips.strip), threads=threads)
    return result


def _resize_planes(planes: Plane, size: tuple[int, int], *, kernel: str = "cubic") -> Plane:
    resized = [resize(plane, output_size=size, kernel=kernel) for plane in planes[0]]
    return np.stack(resized)[None]
