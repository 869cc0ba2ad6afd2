"""Validation of conditioned training: the PSNR in ``y-mzsr`` of fixed degradations as conditions."""

import hashlib
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.degradations import Blur, Degradation
from kukkiri.degradations.operators import compose_kernels
from kukkiri.degradations.steps.noise import Noise
from kukkiri.degradations.steps.subsampling import Direct, Imresize
from kukkiri.errors import ConfigError
from kukkiri.images import quantize, rgb_to_y
from kukkiri.info import Condition
from kukkiri.metrics import PROTOCOLS
from kukkiri.networks import Network
from kukkiri.training.conditioned.drawing import Drawn
from kukkiri.training.conditioned.forms import make_conditions, scale_options
from kukkiri.training.conditioned.patches import degrade_patches, finish
from kukkiri.training.conditioned.recipe import ConditionedRecipe
from kukkiri.training.validation import read_central_crops

__all__ = ["ConditionedValidation", "FixedDegradation"]


@dataclass(frozen=True, eq=False)
class FixedDegradation:
    """One degradation of the validation."""

    text: str
    kernel: NDArray[np.float64]
    noise_std: float

    @classmethod
    def parse(cls, text: str, *, subsample: str, scale: int) -> "FixedDegradation":
        """Read blurs, a subsampling, and perhaps noise.

        Args:
            text: of a :class:`kukkiri.degradations.Degradation`.
            subsample: that of the recipe.
            scale: of the recipe.

        Raises:
            ConfigError: another text.
        """
        degradation = Degradation.parse(text)
        steps = list(degradation.steps)
        noise = steps[-1] if isinstance(steps[-1], Noise) else None
        steps = steps[:-1] if noise else steps
        last, blurs = steps[-1], steps[:-1]
        wanted = Direct() if subsample == "direct" else Imresize("bicubic")
        if last != wanted or not all(isinstance(step, Blur) for step in blurs) or (noise is not None and noise.grey):
            raise ConfigError(
                f"validation_degradations: {text!r} is not blurs, then {subsample} subsampling, then perhaps noise. "
                f"Write it like gaussian:2.0+{subsample}+noise:0.02."
            )
        kernel = np.ones((1, 1))
        for place in range(len(blurs)):
            kernel = compose_kernels(kernel, degradation.blur_kernel(place, scale=scale))
        return cls(text, kernel, 0.0 if noise is None else noise.std)


@dataclass(frozen=True, eq=False)
class ConditionedValidation:
    """Central crops of images, and the degradations that a network is conditioned on and inverts."""

    images: dict[float, tuple[NDArray[np.uint8], ...]]
    """By scale; (H, W, 3) each."""
    degradations: tuple[FixedDegradation, ...]
    recipe: ConditionedRecipe

    @classmethod
    def from_recipe(cls, recipe: ConditionedRecipe) -> "ConditionedValidation":
        """Read the first images of the recipe's validation folder.

        Raises:
            ConfigError: no images, or a degradation that the recipe's training does not make.
            ImageError: an image cannot be read or is too small.
        """
        blur = "gaussian:2.0+" if recipe.blurs else ""
        texts = recipe.validation_degradations or (f"{blur}{recipe.subsample}",)
        parsed = [FixedDegradation.parse(text, subsample=recipe.subsample, scale=recipe.scale) for text in texts]
        images = {
            scale: read_central_crops(
                Path(recipe.validation),
                count=recipe.validation_images,
                side=recipe.validation_side,
                multiple=Fraction(scale).limit_denominator(100).numerator,
                scale=scale,
            )
            for scale in recipe.validation_scales or (float(recipe.scale),)
        }
        return cls(images, tuple(parsed), recipe)

    def fingerprint(self) -> str:
        """Return a digest of the images and degradations, on which the PSNR of a network depends."""
        digest = hashlib.sha256(repr([each.text for each in self.degradations]).encode())
        for scale, crops in self.images.items():
            for image in crops:
                digest.update(f"{scale} {image.shape}".encode() + np.ascontiguousarray(image).tobytes())
        return digest.hexdigest()

    def psnr(self, network: Network, *, condition: Condition | None) -> tuple[float, dict[str, float]]:
        """Return the mean PSNR in dB, and that of each degradation and scale by name.

        Args:
            network: in evaluation mode.
            condition: see :func:`kukkiri.training.conditioned.forms.complete_condition`.
        """
        scores = {}
        for scale, crops in self.images.items():
            for degradation in self.degradations:
                found = [
                    self._score(network, hr, degradation, scale, condition=condition, seed=place)
                    for place, hr in enumerate(crops)
                ]
                scores[f"{degradation.text} x{scale:g}"] = float(np.mean(found))
        return float(np.mean(list(scores.values()))), scores

    @torch.no_grad()
    def _score(
        self,
        network: Network,
        hr: NDArray[np.uint8],
        degradation: FixedDegradation,
        scale: float,
        *,
        condition: Condition | None,
        seed: int,
    ) -> float:
        device = next(network.parameters()).device
        drawn = Drawn(scale, degradation.kernel[None], np.array([degradation.noise_std]))
        planes = torch.from_numpy(np.ascontiguousarray(hr.transpose(2, 0, 1)[None]).astype(np.float32)) / 255
        lr = degrade_patches(planes, drawn, recipe=self.recipe)
        noise = torch.from_numpy(np.random.default_rng(seed).standard_normal(lr.shape, dtype=np.float32))
        lr = finish(lr, drawn, noise if degradation.noise_std else None, recipe=self.recipe).to(device)
        given = make_conditions(network, drawn, condition=condition, device=device)
        options = scale_options(network, self.recipe, scale)
        if network.colour == "y":
            lr = torch.from_numpy(rgb_to_y(lr[0].permute(1, 2, 0).cpu().numpy()))[None, None].to(device)
        sr = network(lr * network.value_range, *given, **options) / network.value_range
        return self._compare(hr, sr[0], scale=scale)

    def _compare(self, hr: NDArray[np.uint8], sr: Tensor, *, scale: float) -> float:
        """Score an RGB image in the protocol; of luma the ground truth is luma, too."""
        levels = quantize(np.ascontiguousarray(sr.permute(1, 2, 0).clamp(0, 1).cpu().numpy()), 8).astype(np.uint8)
        if levels.shape[2] == 1:
            luma = quantize(rgb_to_y(hr.astype(np.float32) / 255)[..., None], 8).astype(np.uint8)
            hr, levels = np.repeat(luma, 3, axis=2), np.repeat(levels, 3, axis=2)
        return PROTOCOLS["y-mzsr"].score(hr, levels, scale=math.ceil(scale)).psnr
