"""Validation during meta-training: mean PSNR before and after each step of adaptation, in the ``y-mzsr`` protocol."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, func

from kukkiri.degradations import Degradation
from kukkiri.degradations.torch_twins import degrade_tensor
from kukkiri.images import quantize
from kukkiri.metrics import PROTOCOLS
from kukkiri.networks import ContextPlain, Network
from kukkiri.training.meta.maml import InnerLoop, iterate_inner_loop
from kukkiri.training.meta.recipe import MetaRecipe
from kukkiri.training.meta.tasks import BlurTask, upscale
from kukkiri.training.validation import read_central_crops

__all__ = ["MetaValidation"]


@dataclass(frozen=True)
class MetaValidation:
    """Central crops of images, and the degradations that are inverted."""

    images: tuple[NDArray[np.uint8], ...]
    """(H, W, 3) each; sides are multiples of the scale squared."""
    degradations: tuple[Degradation, ...]
    recipe: MetaRecipe

    @classmethod
    def from_recipe(cls, recipe: MetaRecipe) -> "MetaValidation":
        """Read the first images of the recipe's validation folder."""
        images = read_central_crops(
            Path(recipe.validation),
            count=recipe.validation_images,
            side=recipe.validation_side,
            multiple=recipe.scale**2,  # so that LR can be downscaled once more
            scale=recipe.scale,
        )
        texts = recipe.validation_degradations or (f"gaussian:2.0+{recipe.subsample}",)
        return cls(images, tuple(Degradation.parse(text) for text in texts), recipe)

    def fingerprint(self) -> str:
        """Return a digest of the images and degradations, on which the PSNR of a network depends."""
        digest = hashlib.sha256(repr([str(degradation) for degradation in self.degradations]).encode())
        for image in self.images:
            digest.update(str(image.shape).encode() + np.ascontiguousarray(image).tobytes())
        return digest.hexdigest()

    def curve(self, network: Network, *, rates: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
        """Return the PSNR in dB before and after each step, means over images and degradations.

        Args:
            network: with the initial weights.
            rates: learning rates of the steps, by the names of the parameters.
        """
        curves = [
            self._curve(network, hr, degradation, rates) for degradation in self.degradations for hr in self.images
        ]
        return tuple(float(value) for value in np.mean(curves, axis=0))

    def _curve(
        self, network: Network, hr: NDArray[np.uint8], degradation: Degradation, rates: Mapping[str, Sequence[float]]
    ) -> list[float]:
        scale = self.recipe.scale
        device = next(network.parameters()).device
        lr = _nchw(degradation.apply(hr, scale=scale, seed=0)).to(device)
        code = ContextPlain.code_of(degradation.blur_covariance(scale=scale), scale=scale)
        codes = (torch.tensor([code], device=device),) if self.recipe.kernel_conditioned else ()
        if not self.recipe.inner_steps:
            with torch.no_grad():
                return [self._score(hr, upscale(network, lr, *codes, like=network, scale=scale))]
        empty = lr[..., :0, :0]  # there is no query
        task = BlurTask(
            network,
            scale,
            code,
            support_lr=degrade_tensor(lr, degradation, scale=scale).clamp(0, 1),
            support_hr=lr,
            query_lr=empty,
            query_hr=empty,
            losses=(self.recipe.inner_loss, "l1"),
            kernel_conditioned=self.recipe.kernel_conditioned,
        )
        inner = InnerLoop(steps=self.recipe.inner_steps, learning_rate=rates, order=1)
        scores = []
        for parameters in iterate_inner_loop(network, task, inner=inner):
            with torch.no_grad():

                def model(*inputs: Tensor, parameters: dict[str, Tensor] = parameters) -> Tensor:
                    return func.functional_call(network, parameters, inputs)  # type: ignore[no-any-return]

                scores.append(self._score(hr, upscale(model, lr, *codes, like=network, scale=scale)))
        return scores

    def _score(self, hr: NDArray[np.uint8], sr: Tensor) -> float:
        levels = quantize(np.ascontiguousarray(sr[0].permute(1, 2, 0).clamp(0, 1).cpu().numpy()), 8).astype(np.uint8)
        return PROTOCOLS["y-mzsr"].score(hr, levels, scale=self.recipe.scale).psnr


def _nchw(levels: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(levels.transpose(2, 0, 1)[None]).astype(np.float32)) / 255
