"""Tasks of meta-training: one random Gaussian blur kernel each, and patches degraded by it.

Soh et al., "Meta-Transfer Learning for Zero-Shot Super-Resolution", CVPR 2020, arXiv:2002.12213. The tasks of an
update depend on the seed and the number of the update only, so that training resumes exactly. Patches are cropped with
a margin, which takes the border effects of the blur and the subsampling and is then cut off.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.data import dihedral, leave_out_small, read_rgb8
from kukkiri.degradations import gaussian_kernel
from kukkiri.degradations.linear import Subsampling
from kukkiri.degradations.torch_twins import blur_downsample_tensor
from kukkiri.errors import ConfigError
from kukkiri.files import require_images
from kukkiri.losses import LOSSES
from kukkiri.networks import ContextPlain, Network
from kukkiri.resampling.tensors import resize_tensor
from kukkiri.training.meta.recipe import MetaRecipe

__all__ = ["BlurTask", "TaskSampler", "covariance_code", "stack_codes", "upscale"]

_BICUBIC_HALF_WIDTH = 2  # LR pixels, of the antialiased bicubic kernel


@dataclass(frozen=True)
class BlurTask:
    """Patches degraded by one blur kernel; a :class:`kukkiri.training.meta.maml.Task`."""

    network: Network
    """Read for its attributes, such as ``pre_upsampled``; the weights are those of the call."""
    scale: int
    code: tuple[float, float, float]
    """:func:`covariance_code` of the kernel."""
    support_lr: Tensor
    """(N, C, H, W) in [0, 1]."""
    support_hr: Tensor
    query_lr: Tensor
    query_hr: Tensor
    losses: tuple[str, str] = ("l1", "l1")
    """Of support and query, keys of ``kukkiri.losses.LOSSES``."""
    kernel_conditioned: bool = False
    """The model takes the code as a second input."""

    def to(self, device: torch.device) -> "BlurTask":
        """Return the task with its patches on a device."""
        names = ("support_lr", "support_hr", "query_lr", "query_hr")
        return dataclasses.replace(self, **{name: getattr(self, name).to(device) for name in names})

    def support(self, model: Callable[..., Tensor], /) -> Tensor:
        """Compute the loss of a model on the support patches."""
        return self._loss(model, self.support_lr, self.support_hr, self.losses[0])

    def query(self, model: Callable[..., Tensor], /) -> Tensor:
        """Compute the loss of a model on the query patches."""
        return self._loss(model, self.query_lr, self.query_hr, self.losses[1])

    def _loss(self, model: Callable[..., Tensor], lr: Tensor, hr: Tensor, loss: str) -> Tensor:
        given = (lr.new_tensor([self.code]),) if self.kernel_conditioned else ()
        return LOSSES[loss](upscale(model, lr, *given, like=self.network, scale=self.scale), hr)


def upscale(model: Callable[..., Tensor], lr: Tensor, *more: Tensor, like: Network, scale: int) -> Tensor:
    """Run a network on images in [0, 1], with the pre-upsampling and the value range that it was made for.

    Args:
        model: the network, or its forward pass with other weights.
        lr: (N, C, H, W), [0, 1].
        more: further inputs of the forward pass.
        like: the network, read for its attributes.
        scale: of the interpolation that precedes a network on the upscaled image.

    Returns:
        (N, C, scale*H, scale*W) in the same units, not clamped.
    """
    if like.pre_upsampled:
        lr = resize_tensor(lr, scale=scale)
    white = like.value_range
    sr: Tensor = model(lr * white, *more) / white if white != 1.0 else model(lr, *more)
    return sr


def covariance_code(variance: float, second: float, angle: float, *, scale: int) -> tuple[float, float, float]:
    """Return :meth:`kukkiri.networks.ContextPlain.code_of` of a Gaussian kernel with these variances and angle."""
    cosine, sine = math.cos(angle), math.sin(angle)
    xx = variance * cosine**2 + second * sine**2
    yy = variance * sine**2 + second * cosine**2
    return ContextPlain.code_of((xx, yy, (variance - second) * cosine * sine), scale=scale)


class TaskSampler:
    """Samples the tasks of an update; the images stay in memory as 8 bit."""

    def __init__(self, recipe: MetaRecipe, network: Network, *, rank: int = 0, world: int = 1) -> None:
        """Read the images; those that are too small for a patch and its margin are left out, with a warning.

        Args:
            recipe: of the run.
            network: read for its attributes.
            rank: number of this process among several.
            world: number of processes; each makes the tasks ``[rank::world]`` of an update.

        Raises:
            ConfigError: no images, or all are too small.
        """
        if network.colour != "rgb":
            raise ConfigError(
                f"meta-training needs an RGB network, but {recipe.network} takes luma. Set arguments.colour."
            )
        self.recipe, self.network, self._rank, self._world = recipe, network, rank, world
        paths = require_images(Path(recipe.data))
        images = [read_rgb8(path) for path in paths]
        kept = leave_out_small(
            [image.shape[:2] for image in images],
            [path.name for path in paths],
            side=max(self._side(scale) for scale in recipe.scales or (recipe.scale,)),
            unit="HR",
            quiet=rank > 0,
        )
        self.images = [images[number] for number in kept]
        areas = np.array([image.shape[0] * image.shape[1] for image in self.images], dtype=np.float64)
        self._cumulated = np.cumsum(areas / areas.sum())

    def fingerprint(self) -> str:
        """Return a checksum of the images."""
        digest = hashlib.sha256()
        for image in self.images:
            digest.update(str(image.shape).encode() + np.ascontiguousarray(image[::16, ::16]).tobytes())
        return digest.hexdigest()[:32]

    def at(self, step: int) -> list[BlurTask]:
        """Make the tasks of an update that are this process's."""
        generator = np.random.default_rng((self.recipe.seed, step))
        plans = [self._sample_plan(generator) for _ in range(self.recipe.tasks)]
        return [self._make_task(plan) for plan in plans[self._rank :: self._world]]

    def _sample_plan(self, generator: np.random.Generator) -> "_Plan":
        """Sample all random numbers of a task."""
        recipe = self.recipe
        scale = int(generator.choice(recipe.scales)) if recipe.scales else recipe.scale
        angle = generator.uniform(0.0, math.pi)
        first = generator.uniform(recipe.smallest_variance, recipe.largest_variance * scale)
        second = generator.uniform(recipe.smallest_variance, first)
        count = recipe.batch * (2 if self._has_other_support else 1)
        side = self._side(scale)
        crops = []
        for index in np.searchsorted(self._cumulated, generator.random(count), side="right"):
            number = min(int(index), len(self.images) - 1)
            top, left = (int(generator.integers(length - side + 1)) for length in self.images[number].shape[:2])
            crops.append(_Crop(number, top, left, int(generator.integers(8))))
        return _Plan(scale, first, second, angle, tuple(crops))

    @property
    def _has_other_support(self) -> bool:
        """True when the support has patches of its own."""
        return self.recipe.support == "pairs" and self.recipe.inner_steps > 0

    def _make_task(self, plan: "_Plan") -> BlurTask:
        """Cut and degrade the patches of a task."""
        recipe, scale = self.recipe, plan.scale
        values = gaussian_kernel(plan.variance, plan.second, plan.angle, size=recipe.kernel_size)
        kernel = torch.from_numpy(values.astype(np.float32))
        hr = self._cut(plan.crops, side=self._side(scale))
        lr = self._degrade(hr, kernel, scale)
        margin, patch = self._margin(scale), recipe.lr_patch(scale)
        hr_patch, lr_patch = _crop_centre(hr, scale * margin, scale * patch), _crop_centre(lr, margin, patch)
        query = slice(-recipe.batch, None)
        if recipe.inner_steps and recipe.support == "downscaled":
            downscaled = self._degrade(lr, kernel, scale)
            support = (_crop_centre(downscaled, margin // scale, patch // scale), lr_patch)
        else:
            support = (lr_patch[: recipe.batch], hr_patch[: recipe.batch])
        query_patch = recipe.query_patch or patch
        edge = (patch - query_patch) // 2
        return BlurTask(
            self.network,
            scale,
            covariance_code(plan.variance, plan.second, plan.angle, scale=scale),
            *support,
            _crop_centre(lr_patch[query], edge, query_patch),
            _crop_centre(hr_patch[query], scale * edge, scale * query_patch),
            losses=(recipe.inner_loss, str(recipe.loss)),
            kernel_conditioned=recipe.kernel_conditioned,
        )

    def _degrade(self, hr: Tensor, kernel: Tensor, scale: int) -> Tensor:
        method: Subsampling = "direct" if self.recipe.subsample == "direct" else "bicubic"
        lr = blur_downsample_tensor(hr, kernel, scale=scale, method=method).clamp(0, 1)
        return torch.round(lr * 255) / 255 if self.recipe.eight_bit else lr

    def _margin(self, scale: int) -> int:
        """Return the LR pixels around a patch that border effects may change, rounded up to a multiple of the scale.

        They are those of the blur and of bicubic subsampling; a downscaled copy has them once more, on its own grid.
        """
        affected = math.ceil((self.recipe.kernel_size // 2) / scale) + _BICUBIC_HALF_WIDTH
        if self.recipe.support == "downscaled" and self.recipe.inner_steps:
            affected += scale * affected
        return -(-affected // scale) * scale

    def _side(self, scale: int) -> int:
        """Return the height and width of a crop, a patch with its margins, in HR pixels."""
        return scale * (self.recipe.lr_patch(scale) + 2 * self._margin(scale))

    def _cut(self, crops: "Sequence[_Crop]", *, side: int) -> Tensor:
        """Cut crops of images, flipped and rotated, (N, 3, side, side) in [0, 1]."""
        cut: list[NDArray[Any]] = []
        for crop in crops:
            image = self.images[crop.image]
            cut.append(dihedral(image[crop.top : crop.top + side, crop.left : crop.left + side], crop.variant))
        stacked = np.stack(cut).transpose(0, 3, 1, 2).astype(np.float32)
        return torch.from_numpy(np.ascontiguousarray(stacked)) / 255


@dataclass(frozen=True)
class _Crop:
    image: int
    top: int
    left: int
    variant: int


@dataclass(frozen=True)
class _Plan:
    """All random numbers of a task; the images are sampled in proportion to their areas."""

    scale: int
    variance: float
    second: float
    angle: float
    crops: tuple[_Crop, ...]


def stack_codes(tasks: Sequence[BlurTask]) -> Tensor:
    """Return the codes of tasks, (tasks, 3)."""
    return torch.tensor([task.code for task in tasks])


def _crop_centre(images: Tensor, edge: int, side: int) -> Tensor:
    return images[..., edge : edge + side, edge : edge + side]
