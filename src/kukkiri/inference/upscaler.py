"""Any image through any model: the front door of the torch-free half."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from os import PathLike
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import DegradationRequest
from kukkiri.errors import ConfigError, ModelError
from kukkiri.images import EncodedImage, Image, ImageSource, PillowImage, is_array, open_image, return_in_kind
from kukkiri.images.row_source import RowSource
from kukkiri.inference.blind import answer_request, tell_given
from kukkiri.inference.choosing import choose_model, runs_on_torch
from kukkiri.inference.dials import Dial
from kukkiri.inference.engine import Engine, count_usable_threads
from kukkiri.inference.ensemble import Ensemble, count_runs
from kukkiri.inference.families import Domain
from kukkiri.inference.flat_regions import SkipStatistics
from kukkiri.inference.fractional import FractionalEngine
from kukkiri.inference.half_precision import Precision
from kukkiri.inference.image_runner import ImageRunner, count_channels
from kukkiri.inference.line_art import is_line_art, is_line_art_in_memory
from kukkiri.inference.loaded_model import LoadedModel
from kukkiri.inference.memory import find_free_memory
from kukkiri.inference.network_run import NetworkRun
from kukkiri.inference.option_checks import check_options
from kukkiri.inference.options import NO_SIZE, Degrades, SizeKeywords, UpscalerOptions, list_unusual
from kukkiri.inference.planning import Plan, find_output_size
from kukkiri.inference.separate_planes import AlphaMode, upscale_separately
from kukkiri.inference.sizes import TargetSize
from kukkiri.inference.solvers import as_degradation, find_solver, list_solvers, prepare, refuse_with_degradation
from kukkiri.inference.streaming import STRIP_MEMORY, StripUpscaler, find_margin
from kukkiri.inference.tile_progress import ProgressCallback
from kukkiri.inference.twins import Twins
from kukkiri.info import JSON

__all__ = ["Upscaler"]

Plane = NDArray[np.float32]
Sample = TypeVar("Sample", bound=np.generic)
_SHARE = 0.8  # of the free memory that the images in work may take together


class Upscaler:
    """Upscales images with one model; reusable, thread-safe, and pickled by its arguments.

    The same input, model, number of threads and machine give the same bits.
    """

    def __init__(
        self,
        model: str | PathLike[str] | Engine | LoadedModel = "balanced",
        *,
        scale: float | None = None,
        ensemble: Ensemble = False,
        chop: bool = False,
        tile: int | Literal["auto"] | None = None,
        threads: int | None = None,
        memory: int | None = None,
        workers: int = 1,
        skip_flat: bool = False,
        bounded: bool = True,
        weights: Domain = "auto",
        width: int | None = None,
        height: int | None = None,
        fit: tuple[int, int] | None = None,
        short_side: int | None = None,
        megapixels: float | None = None,
        print_size: tuple[float, float] | None = None,
        dpi: float | None = None,
        stretch: bool = False,
        wrap: bool = False,
        alpha: AlphaMode = "transparency",
        model_args: Mapping[str, JSON] | None = None,
        device: str | None = None,
        precision: Precision = "float32",
        degradation: Degrades = None,
        vivid: float | None = None,
        denoise: float | None = None,
    ) -> None:
        """Load the model.

        Args:
            model: a preset (``fast``, ``balanced``, ``best``), a shipped model (``espcn-x3``) or family
                (``espcn``), an interpolation (``bicubic``, ``bilinear``, ``lanczos``, ``nearest``), an ``.onnx``
                file, torch weights, what :func:`kukkiri.load` returned, or an engine.
            scale: output pixels for one input pixel along a side, any number of at least 1; by default the
                model's own, 2 for presets, families and interpolations. Reached by the fewest network
                runs whose scales multiply to it or more, then an antialiased bicubic resize to
                round(scale * side). Scale 1 gives the image back unchanged.
            ensemble: geometric self-ensemble, the mean over 2, 4 or 8 flips and rotations; ``True``: 8. The preset
                ``best`` has 8 by itself.
            chop: in four quadrants, as EDSR, RCAN and SAN published their numbers; see :func:`chop`. With a
                network that reads the whole image the result differs, and there is a seam.
            tile: largest side, in LR pixels, that a network is given at once; ``None`` or ``auto``: the whole
                image while memory allows, else what fits; 0: always the whole image.
            threads: for one image; by default all cores.
            memory: bytes that one image may take; by default 80 % of what is free, divided by ``workers``.
            workers: images that the caller has in work at one time, each in a thread of its own.
            skip_flat: interpolate flat parts of the image, where that differs from the network by less than half
                a grey level, and run the network on the rest; a note gives the share that was interpolated.
            bounded: hold the network's result to the image where it must not leave it: within two levels of a 3x3
                neighbourhood that is flat to two levels, and at the local mean of one-pixel patterns, such as dither.
                Natural images change by less than 0.001 dB. Always off with ``chop``.
            weights: degradation domain of a preset's or family's networks: ``clean`` for photographs and renders
                without artifacts and for benchmarks, ``photo`` for what JPEG, noise and slight blur have damaged,
                ``line`` for line art, text, screenshots and pixel art; ``auto``: where such weights are shipped,
                ``photo`` for images that were read from a file compressed with loss and ``line`` for other images that
                are line art by their content, and ``clean`` otherwise, so for arrays. See :meth:`suited`.
            width: this and the next six say the size of the result instead of ``scale``, see
                :class:`kukkiri.inference.TargetSize`. The networks of the smallest whole scale that reaches it run
                on each image, and an antialiased bicubic resize meets the size to the pixel.
            height: pixels; with ``width`` the aspect must be the image's, to a pixel.
            fit: (width, height) of a box in pixels.
            short_side: pixels of the shorter side.
            megapixels: millions of pixels.
            print_size: (width, height) of paper in mm, turned as the image is.
            dpi: pixels per inch of the print, which the metadata of the result say.
            stretch: change the aspect to meet ``width`` and ``height``.
            wrap: the image is a seamless texture, whose margins are taken from the other side; tiles of the result
                join without a seam.
            alpha: ``transparency``: colours under fully transparent pixels count for nothing and are replaced by those
                around them; ``separate``: alpha holds data (gloss, height, a mask) and is interpolated on its own, so
                that the colours are those of the image without it; ``opaque``: alpha is left out.
            model_args: what a file of others does not tell about its network: keywords of its constructor, such as
                ``{"res_scale": 0.1}``, ``scale`` among them; and ``value_range``, 255 or 1, also of an ONNX graph.
            device: ``cpu`` (by default), or an accelerator. Torch weights: ``cuda``, ``cuda:N``, ``mps``. ONNX graphs,
                which all shipped models are: ``cuda``, ``tensorrt``, ``directml`` (all three also with ``:N``),
                ``coreml``, ``openvino`` (or ``openvino:GPU``, ``openvino:NPU``), ``webgpu``. ``auto``: an accelerator
                where one runs, else the CPU. It is checked that the network really runs there. Equal bits are promised
                for the CPU only.
            precision: of weights and activations in ONNX graphs; ``float16`` is for accelerators, needs the package
                onnx, and computes what overflows again in float32.
            degradation: the blur that made the image, for a network that is conditioned on it: ``estimate`` (of each
                image its own), ``bicubic``, a blur such as ``gaussian:2.0`` (variance in pixels of the result squared),
                a kernel file or matrix, a :class:`kukkiri.degradations.DegradationRequest` with more options, or a
                :class:`kukkiri.degradations.DegradationEstimate`. A preset then stands for the shipped network that is
                conditioned on it. Where an estimate is not to be trusted, the image is upscaled without it, and a note
                says so.
            vivid: from 0 (faithful) to 1 (sharp to the eye, with invented detail): weights between the usual ones of a
                preset or family and those that were trained from them with a discriminator, where these are shipped.
            denoise: from 0 (weights for clean images) to 1 (for photographs): weights between the two of a preset or
                family, instead of one or the other by ``weights``; where both are of one graph.

        Raises:
            ModelError: an unknown or damaged model, an impossible scale, a degradation domain that is not shipped, or a
                network that is conditioned on the blur without one, or the other way round.
            ConfigError: a negative tile, thread count or memory, no worker, or options that exclude one another.
            BackendError: the model needs an engine that is not installed.
        """
        sizes: SizeKeywords = {
            "width": width,
            "height": height,
            "fit": fit,
            "short_side": short_side,
            "megapixels": megapixels,
            "print_size": print_size,
            "dpi": dpi,
            "stretch": stretch,
        }
        self._options: UpscalerOptions = {
            "ensemble": ensemble,
            "chop": chop,
            "tile": tile,
            "threads": threads,
            "memory": memory,
            "workers": workers,
            "skip_flat": skip_flat,
            "bounded": bounded,
            "weights": weights,
            **sizes,
            "wrap": wrap,
            "alpha": alpha,
            "model_args": None if model_args is None else dict(model_args),
            "device": device,
            "precision": precision,
            "degradation": None,
            "vivid": vivid,
            "denoise": denoise,
        }
        check_options(self._options)
        target = TargetSize.when_asked(**sizes)
        if target is not None and scale is not None:
            raise ConfigError("a scale and a size both say how large the result is. Use one of them.")
        dial = Dial.when_asked(vivid=vivid, denoise=denoise, weights=weights)
        asked = as_degradation(degradation)
        if asked is not None:
            refuse_with_degradation(
                ensemble=ensemble is not False,
                size=target is not None,
                weights=weights != "auto",
                dial=dial is not None,
            )  # before a network is loaded
        solver = None if asked is None else find_solver(model, asked, scale=scale)
        chosen = choose_model(
            solver or model,
            scale=scale,
            threads=threads,
            weights=weights,
            model_args=model_args,
            device=device,
            dial=dial,
            precision=precision,
        )
        choice, known, request = prepare(chosen, asked)
        if skip_flat and choice.kernel is not None:
            raise ConfigError(f"skip_flat saves runs of a network, and {choice.name} has none. Drop it.")
        self._model = choice.model
        self._scale_asked = scale
        self._options["degradation"] = asked
        self.target = target
        """Size of the results; ``None`` when the scale decides."""
        self.wrap = wrap
        self.alpha: AlphaMode = alpha
        self.name = choice.name
        self.scale = choice.scale
        self.engines = choice.engines
        self.kernel = choice.kernel
        self.runs = count_runs(ensemble, preset=choice.ensemble)
        """Flips and rotations that each network is averaged over: 1, 2, 4 or 8."""
        self.chop = chop
        self.skip_flat = skip_flat
        self.bounded = bounded and not chop and choice.kernel is None
        if not all(getattr(engine, "keeps_grey", True) for engine in choice.engines):
            self.bounded = False  # a graph of others that is made to change brightness or colour
        self.domain = choice.domain
        self.has_photo = choice.has_photo
        """:meth:`suited` has a choice for images compressed with loss."""
        self.has_line = choice.has_line
        """:meth:`suited` has a choice for line art."""
        self.degradation = known
        """That the network is conditioned on; ``None``: there is none, or :meth:`suited` finds it in each image."""
        self._request = request
        self._notes: tuple[str, ...] | None = None  # about one image, once the degradation was checked with it
        self.threads = threads or count_usable_threads()
        self._tile = None if tile == "auto" else tile
        self._memory = memory
        self._workers = workers
        self._factor: int | None = None
        self._twins: Twins[Upscaler] = Twins()

    @overload
    def __call__(self, image: NDArray[Sample], *, progress: ProgressCallback | None = None) -> NDArray[Sample]: ...

    @overload
    def __call__(
        self, image: EncodedImage | PillowImage | Image, *, progress: ProgressCallback | None = None
    ) -> Image: ...

    def __call__(self, image: ImageSource, *, progress: ProgressCallback | None = None) -> NDArray[np.generic] | Image:
        """Upscale an image; depth and metadata stay, and transparency has no fringes.

        Args:
            image: an array, (H, W) or (H, W, C): grey, grey and alpha, RGB or RGBA; uint8, uint16, or floats in
                [0, 1]. Or an image: a path, bytes, a binary file, a ``PIL.Image``, a :class:`kukkiri.Image`; see
                :func:`kukkiri.images.open_image`.
            progress: called with (done, total) tiles of all network runs; what it raises ends the work.

        Returns:
            For an array (round(scale*H), round(scale*W)[, C]) of its dtype, else an image. A line in its ``notes``
            gives the seam score when tiles had to be blended.

        Raises:
            ImageError: there is no image, or memory does not suffice for the result.
            ModelError: the network gave NaN or infinity.
            TypeError: it is of a type that holds no image.
        """
        sr = self._upscale(open_image(image), progress, by_content=not is_array(image))
        return return_in_kind(sr, image)

    @property
    def ensemble(self) -> bool:
        """True when results are the mean of several runs."""
        return self.runs > 1

    def suited(self, image: Image, *, size: tuple[int, int] | None = None) -> "Upscaler":
        """Return the upscaler that is used for an image: this one, or its twin for the content or for the size.

        When the degradation domain is ``auto`` and such weights are shipped, the twin for photographs is taken for a
        lossy image, and the twin for line art for another one that is line art; ``domain`` tells which it is. Where a
        size is asked for, the twin has the networks that reach it. Twins are loaded when they are first needed. What is
        returned does not look at the content of further images: the frames of an animation are done alike.

        Args:
            image: the image.
            size: (height, width), when the image is only a part of it, which does not tell whether it is line art.
        """
        return self._find_suited(image, size, by_content=size is None)

    def suited_to_rows(self, rows: RowSource) -> "Upscaler":
        """Return the upscaler that is used for an image that is decoded row by row; it is begun again to look at it.

        Args:
            rows: that can be reopened, or else the image is taken for no line art.

        Raises:
            ImageError: the file is truncated or corrupt.
        """
        suited = self.suited(rows.template, size=rows.size)
        if not suited.has_line or rows.template.lossy or rows.reopen is None:
            return suited
        return suited.suited_to_content(line_art=is_line_art(rows.reopen()))

    def _find_suited(self, image: Image, size: tuple[int, int] | None, *, by_content: bool) -> "Upscaler":
        if self._request is not None:
            return self._solve(image, self._request)
        if self.degradation is not None and self._notes is None and size is None:
            return self._copy(_notes=tell_given(image, self.engines[0], self.degradation))
        sized = self.suited_to(size or image.size)
        if image.lossy:
            return sized.suited_to_lossy()
        if not (by_content and sized.has_line):
            return sized
        return sized.suited_to_content(line_art=is_line_art_in_memory(image))

    def suited_to_lossy(self) -> "Upscaler":
        """Return the twin for images with the artifacts of a lossy codec, where the degradation domain is ``auto``."""
        return self._twin("photo", self._factor) if self.has_photo else self

    def suited_to_content(self, *, line_art: bool) -> "Upscaler":
        """Return the twin for line art or that for other images, neither of which looks at the content again."""
        if not self.has_line:
            return self
        return self._twin("line", self._factor) if line_art else self._copy(has_line=False)

    def _solve(self, image: Image, request: DegradationRequest) -> "Upscaler":
        """Return a twin conditioned on the degradation of an image, or one without where that is not to be trusted."""
        answer = answer_request(image, self.engines[0], request)
        if answer.engine is not None:
            return self._copy(engines=(answer.engine,), degradation=answer.estimate, _request=None, _notes=answer.notes)
        if answer.noisy and (robust := self._find_robust_twin(request)) is not None:
            return robust.suited(image)

        def load_plain() -> Upscaler:
            graph = isinstance(self._model, str | PathLike) and not runs_on_torch(self._model)
            device = self._options.get("device") if graph else None
            options: UpscalerOptions = {**self._options, "degradation": None, "model_args": None, "device": device}
            return Upscaler("balanced", scale=self.scale, **options)

        plain = self._twins.find("auto", None, load_plain)
        return plain.suited(image)._copy(_notes=answer.notes)

    def _find_robust_twin(self, request: DegradationRequest) -> "Upscaler | None":
        """Return the shipped network of this scale and subsampling that takes the noise of each image, if any."""
        solver = list_solvers(noise=True).get((self.engines[0].info.scale, request.subsample or "direct"))
        if solver is None:
            return None

        def load_robust() -> Upscaler:
            noisy = dataclasses.replace(request, noise_std="estimate")
            options: UpscalerOptions = {**self._options, "degradation": noisy, "model_args": None}
            return Upscaler(solver, scale=self._scale_asked, **options)

        return self._twins.find("noisy", None, load_robust)

    def _copy(self, **changes: object) -> "Upscaler":
        """Return an upscaler that shares everything with this one but some attributes."""
        twin = object.__new__(Upscaler)
        twin.__dict__.update(self.__dict__, **changes)
        return twin

    def suited_to(self, size: tuple[int, int]) -> "Upscaler":
        """Return the upscaler with the networks for an image of (height, width): this one, or a twin for its size."""
        if self.target is None or self._factor is not None:
            return self
        return self._twin(self._options.get("weights", "auto"), self.target.find_factor(size))

    def _twin(self, weights: Domain, factor: int | None) -> "Upscaler":
        """Return the same upscaler with other weights, or with the networks of another scale for its target size."""

        def load() -> Upscaler:
            options: UpscalerOptions = {**self._options, "weights": weights}
            if factor is None:
                return Upscaler(self._model, scale=self._scale_asked, **options)
            without_size: UpscalerOptions = {**options, **NO_SIZE}
            twin = Upscaler(self._model, scale=factor, **without_size)
            twin.target, twin._factor, twin._options, twin._scale_asked = self.target, factor, options, None
            return twin

        return self._twins.find(weights, factor, load)

    def plan_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Compute the (height, width) of the result for an image of (height, width).

        Raises:
            ConfigError: the aspect of the image does not fit the target.
        """
        if self.target is not None:
            return self.target.resolve(size)
        return find_output_size(size, self.scale)

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
        sized = self.suited_to((lr.shape[1], lr.shape[2]))
        if sized is not self:
            return sized.upscale_planes(lr)
        if self.engines and lr.shape[0] != self.engines[0].info.channels:
            expected = self.engines[0].info.channels
            raise ModelError(f"{self.name}: takes {expected} planes, got {lr.shape[0]}. Convert the colours first.")
        plan = self.plan((lr.shape[1], lr.shape[2]), channels=lr.shape[0])
        return self._runner().upscale_planes(lr, plan)

    def plan(self, size: tuple[int, int], *, channels: int = 3) -> Plan:
        """Plan the work for an image of (height, width) and ``channels``, alpha included.

        Raises:
            ImageError: memory does not suffice for the result, or for the smallest tile.
        """
        sized = self.suited_to(size)
        if sized is not self:
            return sized.plan(size, channels=channels)
        return self._runner().plan(size, self.plan_size(size), channels=channels)

    def plan_networks(self, size: tuple[int, int], *, channels: int) -> Plan:
        """Plan the networks alone for a part of (height, width): no resize follows to the size that was asked for.

        Raises:
            ImageError: memory does not suffice for the result, or for the smallest tile.
        """
        return self._runner().plan_networks(size, channels=channels)

    def network_run(
        self, plan: Plan, *, progress: ProgressCallback | None = None, statistics: SkipStatistics | None = None
    ) -> NetworkRun:
        """Prepare the networks of a plan; what the last one gives is not bounded, which is left to the caller.

        Args:
            plan: of :meth:`plan_networks`.
            progress: called with (done, total) tiles of all network runs; what it raises ends the work.
            statistics: counts what ``skip_flat`` skips.
        """
        return self._runner().prepare(plan, progress=progress, bound_last=False, statistics=statistics)

    @property
    def may_stream(self) -> bool:
        """False when every image is done as a whole: for a network that reads all of it, and by some options."""
        printed = self.target is not None and self.target.resolution is not None  # the metadata change with the size
        fractional = any(isinstance(engine, FractionalEngine) for engine in self.engines)
        whole = self.chop or self.wrap or self._tile == 0 or printed or fractional or self._request is not None
        return not whole and (self.kernel is not None or find_margin(self.engines) is not None)

    def strips(self, source: RowSource) -> StripUpscaler | None:
        """Prepare to upscale an image strip by strip.

        Returns:
            ``None`` when it has to be whole: see :attr:`may_stream`; also for extra samples, and for alpha that is not
            transparency.
        """
        sized = self.suited_to(source.size)
        if sized is not self:
            return sized.strips(source)
        template, size = source.template, self.plan_size(source.size)
        plain = template.extra is None and (template.alpha is None or self.alpha == "transparency")
        if not self.may_stream or not plain or size[0] < source.size[0] or size[1] < source.size[1]:
            return None
        free = find_free_memory() // self._workers if self._memory is None else self._memory
        return StripUpscaler(
            engines=self.engines,
            output_size=size,
            scale=size[0] / source.size[0],
            kernel=self.kernel,
            runs=self.runs,
            skip_flat=self.skip_flat,
            bounded=self.bounded,
            tile=self._tile,
            threads=self.threads,
            memory=min(STRIP_MEMORY, free // 4),
        )

    def _runner(self) -> ImageRunner:
        return ImageRunner(
            engines=self.engines,
            kernel=self.kernel,
            runs=self.runs,
            chop=self.chop,
            skip_flat=self.skip_flat,
            bounded=self.bounded,
            tile=self._tile,
            threads=self.threads,
            find_budget=self._find_budget,
        )

    def _find_budget(self) -> int:
        return int(_SHARE * find_free_memory() / self._workers) if self._memory is None else self._memory

    def describe_options(self) -> dict[str, JSON]:
        """Return the options that change the result and are not the usual ones."""
        found = list_unusual(self._options)
        if self.target is None or not found.get("stretch"):
            found.pop("stretch", None)
        return {**found, "weights": self.domain} if self.domain is not None else found

    def describe_degradation(self) -> dict[str, JSON] | None:
        """Return the degradation that the network is conditioned on in JSON values; ``None``: there is none."""
        return None if self.degradation is None else self.degradation.describe()

    def __reduce__(self) -> "tuple[Callable[..., Upscaler], tuple[object, ...]]":
        return _make_again, (self._model, self._scale_asked, self._options)

    def _upscale(self, image: Image, progress: ProgressCallback | None, *, by_content: bool) -> Image:
        suited = self._find_suited(image, None, by_content=by_content)
        if suited is not self:
            return suited._upscale(image, progress, by_content=by_content)
        notes = self._notes or ()
        colours = partial(self._upscale_colours, progress=progress)
        sr = upscale_separately(image, colours, alpha=self.alpha, kernel=self.kernel or "cubic", wrap=self.wrap)
        return dataclasses.replace(sr, notes=(*notes, *sr.notes)) if notes else sr

    def _upscale_colours(self, image: Image, progress: ProgressCallback | None) -> Image:
        size = self.plan_size(image.size)
        if self.target is not None:
            image = self.target.describe(image, size)
        if size == image.size and not self.engines:
            return image
        if self.wrap:
            return self._runner().upscale_wrapped(image, size, progress=progress)
        plan = self.plan(image.size, channels=count_channels(image))
        return self._runner().upscale(image, plan, progress=progress)


def _make_again(model: Any, scale: float | None, options: UpscalerOptions) -> Upscaler:
    return Upscaler(model, scale=scale, **options)
