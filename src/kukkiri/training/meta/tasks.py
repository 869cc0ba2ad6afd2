"""Tasks of meta-training: one random Gaussian blur each, and patches that it has made.

Soh et al., "Meta-Transfer Learning for Zero-Shot Super-Resolution", CVPR 2020, arXiv:2002.12213. The tasks of an
update depend on the seed and its number alone, so that training resumes exactly. Patches are cut with a margin
that the blur and the subsampling may spoil.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.data import dihedral, read_rgb8
from kukkiri.degradations import gaussian_kernel
from kukkiri.degradations.linear import Subsampling
from kukkiri.degradations.torch_twins import blur_downsample_tensor
from kukkiri.errors import ConfigError
from kukkiri.files import require_images
from kukkiri.losses import LOSSES
from kukkiri.networks import ContextPlain, Network
from kukkiri.resampling.tensors import resize_tensor
from kukkiri.training.meta.recipe import MetaRecipe

__all__ = ["BlurTask", "TaskSampler", "covariance_code", "upscale"]

_BICUBIC_REACH = 2  # LR pixels to each side that the antialiased bicubic looks at


@dataclass(frozen=True)
class BlurTask:
    """Patches of one blur; a :class:`kukkiri.training.meta.maml.Task`."""

    network: Network
    """Its class attributes say how to feed it; the weights are those of the call."""
    scale: int
    code: tuple[float, float, float]
    """:func:`covariance_code` of the kernel."""
    support_lr: Tensor
    """(N, C, H, W) in [0, 1]."""
    support_hr: Tensor
    query_lr: Tensor
    query_hr: Tensor
    losses: tuple[str, str] = ("l1", "l1")
    """Of support and query."""
    kernel_conditioned: bool = False
    """The network is given the code."""

    def support(self, model: Callable[..., Any], /) -> Tensor:
        """How far the model is from HR on the support."""
        return self._loss(model, self.support_lr, self.support_hr, self.losses[0])

    def query(self, model: Callable[..., Any], /) -> Tensor:
        """The same on the query."""
        return self._loss(model, self.query_lr, self.query_hr, self.losses[1])

    def _loss(self, model: Callable[..., Any], lr: Tensor, hr: Tensor, loss: str) -> Tensor:
        given = (lr.new_tensor([self.code]),) if self.kernel_conditioned else ()
        return LOSSES[loss](upscale(model, lr, *given, like=self.network, scale=self.scale), hr)


def upscale(model: Callable[..., Any], lr: Tensor, *more: Tensor, like: Network, scale: int) -> Tensor:
    """What a network makes of lr (N, C, H, W) in [0, 1], in the same units.

    Args:
        model: the network, or its forward with other weights.
        lr: images.
        more: what else the forward takes.
        like: the network, for its attributes.
        scale: of the upscaling that precedes a network on the upscaled image.
    """
    if like.pre_upsampled:
        lr = resize_tensor(lr, scale=scale)
    white = like.value_range
    sr: Tensor = model(lr * white, *more) / white if white != 1.0 else model(lr, *more)
    return sr


def covariance_code(variance: float, second: float, angle: float, *, scale: int) -> tuple[float, float, float]:
    """:meth:`kukkiri.networks.ContextPlain.code_of` of a Gaussian by its variances and angle."""
    cosine, sine = math.cos(angle), math.sin(angle)
    xx = variance * cosine**2 + second * sine**2
    yy = variance * sine**2 + second * cosine**2
    return ContextPlain.code_of((xx, yy, (variance - second) * cosine * sine), scale=scale)


class TaskSampler:
    """Draws the tasks of an update; the images stay in memory as 8 bit."""

    def __init__(self, recipe: MetaRecipe, network: Network) -> None:
        """Read the images.

        Raises:
            ConfigError: no images, or one too small for a patch and its margin.
        """
        if network.colour != "rgb":
            raise ConfigError(
                f"meta-training is of RGB networks, but {recipe.network} takes luma. Set arguments.colour."
            )
        self.recipe, self.network = recipe, network
        self.images = [read_rgb8(path) for path in require_images(Path(recipe.data))]
        wanted = max(self._side(scale) for scale in recipe.scales or (recipe.scale,))
        smallest = min(min(image.shape[:2]) for image in self.images)
        if smallest < wanted:
            raise ConfigError(
                f"patches with their margin are {wanted} pixels, an image {smallest}. Use a smaller patch."
            )
        areas = np.array([image.shape[0] * image.shape[1] for image in self.images], dtype=np.float64)
        self._cumulated = np.cumsum(areas / areas.sum())

    def at(self, step: int) -> list[BlurTask]:
        """The tasks of an update."""
        generator = np.random.default_rng((self.recipe.seed, step))
        return [self._task(generator) for _ in range(self.recipe.tasks)]

    def _task(self, generator: np.random.Generator) -> BlurTask:
        recipe = self.recipe
        scale = int(generator.choice(recipe.scales)) if recipe.scales else recipe.scale
        angle = generator.uniform(0.0, math.pi)
        first = generator.uniform(recipe.smallest_variance, recipe.largest_variance * scale)
        second = generator.uniform(recipe.smallest_variance, first)
        kernel = torch.from_numpy(gaussian_kernel(first, second, angle, size=recipe.kernel_size).astype(np.float32))
        apart = recipe.support == "pairs" and recipe.inner_steps > 0
        hr = self._crops(generator, recipe.batch * (2 if apart else 1), side=self._side(scale))
        lr = self._shrink(hr, kernel, scale)
        margin, patch = self._margin(scale), recipe.lr_patch(scale)
        hr_patch, lr_patch = _middle(hr, scale * margin, scale * patch), _middle(lr, margin, patch)
        query = slice(-recipe.batch, None)
        if recipe.inner_steps and recipe.support == "downscaled":
            son = self._shrink(lr, kernel, scale)
            support = (_middle(son, margin // scale, patch // scale), lr_patch)
        else:
            support = (lr_patch[: recipe.batch], hr_patch[: recipe.batch])
        seen = recipe.query_patch or patch
        edge = (patch - seen) // 2
        return BlurTask(
            self.network,
            scale,
            covariance_code(first, second, angle, scale=scale),
            *support,
            _middle(lr_patch[query], edge, seen),
            _middle(hr_patch[query], scale * edge, scale * seen),
            losses=(recipe.inner_loss, recipe.loss),
            kernel_conditioned=recipe.kernel_conditioned,
        )

    def _shrink(self, hr: Tensor, kernel: Tensor, scale: int) -> Tensor:
        method: Subsampling = "direct" if self.recipe.subsample == "direct" else "bicubic"
        lr = blur_downsample_tensor(hr, kernel, scale=scale, method=method).clamp(0, 1)
        return torch.round(lr * 255) / 255 if self.recipe.eight_bit else lr

    def _margin(self, scale: int) -> int:
        """LR pixels around a patch, a multiple of the scale: the blur and bicubic spoil that many, and a son's."""
        spoiled = math.ceil((self.recipe.kernel_size // 2) / scale) + _BICUBIC_REACH
        if self.recipe.support == "downscaled" and self.recipe.inner_steps:
            spoiled += scale * spoiled
        return -(-spoiled // scale) * scale

    def _side(self, scale: int) -> int:
        return scale * (self.recipe.lr_patch(scale) + 2 * self._margin(scale))

    def _crops(self, generator: np.random.Generator, count: int, *, side: int) -> Tensor:
        """Random windows, flips and turns; every window equally likely to be of any area of the set."""
        chosen = np.searchsorted(self._cumulated, generator.random(count), side="right")
        crops: list[NDArray[Any]] = []
        for index in chosen:
            image = self.images[min(int(index), len(self.images) - 1)]
            top, left = (int(generator.integers(length - side + 1)) for length in image.shape[:2])
            crop = image[top : top + side, left : left + side]
            crops.append(dihedral(crop, int(generator.integers(8))))
        stacked = np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32)
        return torch.from_numpy(np.ascontiguousarray(stacked)) / 255


def codes_of(tasks: Sequence[BlurTask]) -> Tensor:
    """(tasks, 3)."""
    return torch.tensor([task.code for task in tasks])


def _middle(images: Tensor, edge: int, side: int) -> Tensor:
    return images[..., edge : edge + side, edge : edge + side]
