"""An upscaler around a network fitted to one image, usable on other images of the same camera."""

import dataclasses
import json
from os import PathLike
from typing import TypeVar, overload

import numpy as np
import torch
from numpy.typing import NDArray

from kukkiri.adaptation.projection import back_project, median_ensemble
from kukkiri.adaptation.zssr import Fit
from kukkiri.checkpoints import describe, load, save_safetensors
from kukkiri.degradations import Degradation
from kukkiri.errors import ModelError
from kukkiri.images import EncodedImage, Image, ImageSource, PillowImage, bleed, open_image, return_in_kind
from kukkiri.inference import Upscaler
from kukkiri.inference.alpha_resize import resize_alpha
from kukkiri.inference.separate_planes import upscale_separately
from kukkiri.inference.torch_engine import TorchEngine
from kukkiri.networks import Network

__all__ = ["AdaptedUpscaler", "Guard"]

Plane = NDArray[np.float32]
Sample = TypeVar("Sample", bound=np.generic)


@dataclasses.dataclass(frozen=True)
class Guard:
    """LR consistency of a region: PSNR in dB between the image and the upscaled image, downscaled again."""

    before: float
    """Of bicubic interpolation."""
    after: float
    """Of the adapted network with its back-projection."""

    @property
    def passed(self) -> bool:
        """True when adaptation did not lower the consistency."""
        return self.after >= self.before


class AdaptedUpscaler:
    """Upscales images with a fitted network, or by bicubic interpolation when the guard did not pass."""

    def __init__(
        self,
        network: Network,
        *,
        degradation: Degradation,
        ensemble: bool = False,
        projections: int = 0,
        fit: Fit | None = None,
        guard: Guard | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        """Build an upscaler from its parts, as :func:`kukkiri.adaptation.adapt` does.

        Args:
            network: of RGB; its ``scale`` is that of the result.
            degradation: for the back-projection; linear.
            ensemble: take the median of the geometric self-ensemble.
            projections: back-projections on each result, and on the median.
            fit: the record of the training; None when loaded.
            guard: the result of the guard; None when loaded. Unless it passed, results are bicubic.
            device: where the network runs; back-projections are computed on the CPU.
        """
        self.network = network
        self.degradation = degradation
        self.ensemble = ensemble
        self.projections = projections
        self.fit = fit
        self.guard = guard
        self.notes: tuple[str, ...] = ()
        """Lines about the blur that was estimated; they go to each image that is upscaled."""
        self.scale = network.scale
        name = f"{type(network).__name__.lower()}-x{self.scale}"
        arguments = {**network.arguments_from_state(network.state_dict()), "scale": network.scale}
        self._info = describe(network, name=name, arguments=arguments)
        self._upscaler = Upscaler(TorchEngine(network, info=self._info, device=device))
        self._bicubic = Upscaler("bicubic", scale=self.scale)

    @property
    def fell_back(self) -> bool:
        """True when results are bicubic interpolation, because the adapted ones were less consistent with the image."""
        return self.guard is not None and not self.guard.passed

    @overload
    def __call__(self, image: NDArray[Sample]) -> NDArray[Sample]: ...

    @overload
    def __call__(self, image: EncodedImage | PillowImage | Image) -> Image: ...

    def __call__(self, image: ImageSource) -> NDArray[np.generic] | Image:
        """Upscale an image; depth and metadata stay, alpha is upscaled by bicubic interpolation.

        Args:
            image: an array, (H, W) or (H, W, C): grey, grey and alpha, RGB or RGBA; uint8, uint16, or floats in
                [0, 1]. Or an image: a path, bytes, a binary file, a ``PIL.Image``, a :class:`kukkiri.Image`.

        Returns:
            For an array (scale*H, scale*W[, C]) of its dtype, else an image.

        Raises:
            ImageError: there is no image, or memory does not suffice for the result.
            TypeError: it is of a type that holds no image.
        """
        return return_in_kind(self._upscale_image(open_image(image)), image)

    def _upscale_image(self, image: Image) -> Image:
        upscaled = upscale_separately(image, self._upscale_colours, alpha="transparency", kernel="cubic")
        return dataclasses.replace(upscaled, notes=(*self.notes, *upscaled.notes)) if self.notes else upscaled

    def _upscale_colours(self, image: Image) -> Image:
        if self.fell_back and self.guard is not None:
            note = (
                f"adaptation lowered the LR consistency ({self.guard.after:.2f} dB after, {self.guard.before:.2f} "
                "dB before), so this is bicubic interpolation"
            )
            upscaled = self._bicubic(image)
            return dataclasses.replace(upscaled, notes=(*upscaled.notes, note))
        colour, alpha = image.colour, image.alpha
        if alpha is not None:
            colour = bleed(colour, alpha)
            alpha = resize_alpha(alpha, (self.scale * alpha.shape[0], self.scale * alpha.shape[1]))
        sr = np.clip(self.upscale_colour(np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour), 0, 1)
        if colour.shape[2] == 1:
            sr = sr.mean(axis=2, keepdims=True)
        return dataclasses.replace(image, colour=sr, alpha=alpha)

    def upscale_colour(self, lr: Plane) -> Plane:
        """Upscale (H, W, 3) RGB in [0, 1] by the network, whatever the guard found; not clamped."""

        def run(view: Plane) -> Plane:
            planes = self._upscaler.upscale_planes(np.ascontiguousarray(view.transpose(2, 0, 1)))
            return self._back_project(np.ascontiguousarray(planes.transpose(1, 2, 0)), view)

        if not self.ensemble:
            return run(lr)
        return self._back_project(median_ensemble(run, lr), lr)

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Write the weights, the degradation and the options as safetensors; :func:`kukkiri.load` reads the network.

        Raises:
            ModelError: the file exists or cannot be written, or results are bicubic interpolation.
        """
        if self.fell_back:
            raise ModelError(
                f"{path}: not saved: adaptation lowered the LR consistency, so results are bicubic interpolation. "
                "Use more steps or another kernel."
            )
        options = {"degradation": str(self.degradation), "ensemble": self.ensemble, "projections": self.projections}
        text = json.dumps({"adapted": self._info.network, "to": "one image", **options})
        save_safetensors(
            self.network, path, info=dataclasses.replace(self._info, training_data=text), overwrite=overwrite
        )

    @classmethod
    def load(cls, path: str | PathLike[str], *, device: str | torch.device = "cpu") -> "AdaptedUpscaler":
        """Read a file that :meth:`save` wrote.

        Args:
            path: of the file.
            device: where the network runs.

        Raises:
            BackendError: torch sees no such device.
            ModelError: the file is missing, damaged, or was not written by it.
        """
        loaded = load(path)
        try:
            options = json.loads(loaded.info.training_data)
            return cls(
                loaded.module,
                degradation=Degradation.parse(options["degradation"]),
                ensemble=bool(options["ensemble"]),
                projections=int(options["projections"]),
                device=device,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"{path}: not an adapted upscaler. Expected a file that AdaptedUpscaler.save wrote; open other models "
                "with kukkiri.Upscaler."
            ) from error

    def _back_project(self, sr: Plane, lr: Plane) -> Plane:
        def downsample(estimate: Plane) -> Plane:
            downsampled: Plane = self.degradation.apply(estimate, scale=self.scale)
            return downsampled

        return back_project(sr, lr, downsample=downsample, iterations=self.projections)
