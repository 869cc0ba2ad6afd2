"""Random patches cut, flipped and rotated on the device that holds all images as 8 bit."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.data.pairs import Levels, PairSet
from kukkiri.data.plan import PatchPlan, PatchPlanner

__all__ = ["DevicePatchSampler", "bytes_on_device"]

_LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)
_LUMA_OFFSET = 16 / 255


class DevicePatchSampler:
    """The batches of :class:`kukkiri.data.PatchSampler`, equal to float rounding, made on a torch device.

    A step moves six integers for each patch to the device; pixels are moved once.
    """

    def __init__(
        self,
        pairs: PairSet,
        *,
        device: torch.device | str,
        patch: int,
        batch: int,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """Copy the pixels to the device.

        Args:
            pairs: the images; not kept.
            device: it holds :func:`bytes_on_device` bytes, and the batches.
            patch: side of a patch in LR pixels.
            batch: patches in the batch of all processes.
            seed: with the step, it determines a batch.
            rank: number of this process among several.
            world: number of processes; each cuts the patches ``[rank::world]`` of the batch.

        Raises:
            ConfigError: no image is as large as a patch.
        """
        self.device, self.scale, self.colour = torch.device(device), pairs.scale, pairs.colour
        self._planner = PatchPlanner(pairs, patch=patch, batch=batch, seed=seed, rank=rank, world=world)
        self._lr = _Pixels([pair.lr for pair in pairs], self.device)
        self._hr = _Pixels([pair.hr for pair in pairs], self.device)
        # tensors, not numbers: CUDA multiplies by the reciprocal of a number, which rounds differently
        self._white = torch.tensor(255.0, device=self.device)
        self._luma = torch.tensor(_LUMA, device=self.device)[:, None, None]

    def at(self, step: int, *, patch: int | None = None, batch: int | None = None) -> tuple[Tensor, Tensor]:
        """Sample the batch of a step.

        Args:
            step: with the seed, it determines the batch.
            patch: side of a patch in place of the sampler's.
            batch: patches in the batch of all processes in place of the sampler's.

        Returns:
            lr (N, C, P, P) and hr (N, C, scale*P, scale*P), float32, the patches of this process; N may be 0.

        Raises:
            ConfigError: no image is as large as ``patch``.
        """
        plan = self._planner.at(step, patch=patch, batch=batch)
        terms = np.stack([self._lr.address(plan, scale=1), self._hr.address(plan, scale=self.scale)])
        host = torch.from_numpy(terms)
        if self.device.type == "cuda":
            host = host.pin_memory()
        lr_terms, hr_terms = host.to(self.device, non_blocking=True)
        lr = self._lr.gather(lr_terms, side=plan.patch)
        hr = self._hr.gather(hr_terms, side=self.scale * plan.patch)
        return self._values(lr), self._values(hr)

    def check_patch(self, patch: int) -> None:
        """Check, before a step needs it, that there are images as large as ``patch``.

        Raises:
            ConfigError: there is none, or none of a weighted source.
        """
        self._planner.check_patch(patch)

    def _values(self, levels: Tensor) -> Tensor:
        """Convert (N, 3, S, S) levels to (N, C, S, S) in [0, 1]."""
        values = levels.to(torch.float32).div_(self._white)
        if self.colour == "rgb":
            return values
        # Sums of planes and not a matrix product, which TF32 would round to 10 bits.
        values *= self._luma
        return (values[:, 0:1] + values[:, 1:2]).add_(values[:, 2:3]).add_(_LUMA_OFFSET)


class _Pixels:
    """Images one after the other in one tensor on a device; an image that is given several times is there once."""

    def __init__(self, images: Sequence[Levels], device: torch.device) -> None:
        starts: dict[tuple[object, ...], int] = {}
        end = 0
        for image in images:
            if _identity(image) not in starts:
                starts[_identity(image)] = end
                end += image.shape[0] * image.shape[1]
        self._start = np.array([starts[_identity(image)] for image in images], dtype=np.int64)
        self._width = np.array([image.shape[1] for image in images], dtype=np.int64)
        self._planes = torch.empty((3, end), dtype=torch.uint8, device=device)  # read faster than bytes in threes
        filled = 0
        for image in images:  # one image at a time, so that the host holds no second copy of the set
            if starts[_identity(image)] == filled:
                pixels = torch.from_numpy(np.array(image)).to(device).view(-1, 3)
                for channel, plane in enumerate(self._planes):  # ten times as fast as all three at once
                    plane[filled : filled + len(pixels)] = pixels[:, channel]
                filled += len(pixels)

    def address(self, plan: PatchPlan, *, scale: int) -> NDArray[np.int64]:
        """Return (3, N): of each patch the pixel at [0, 0], and the strides to [1, 0] and to [0, 1] after the flips.

        A flip along an axis begins at the axis' last pixel with a negative stride; a transposition swaps the strides.
        """
        width, last = self._width[plan.pair], scale * plan.patch - 1
        upside_down, mirrored, transposed = (plan.variant & bit > 0 for bit in (1, 2, 4))
        row = scale * plan.top + np.where(upside_down, last, 0)
        column = scale * plan.left + np.where(mirrored, last, 0)
        down, right = np.where(upside_down, -width, width), np.where(mirrored, -1, 1)
        begin = self._start[plan.pair] + row * width + column
        return np.stack([begin, np.where(transposed, right, down), np.where(transposed, down, right)])

    def gather(self, address: Tensor, *, side: int) -> Tensor:
        """Gather (N, 3, side, side) levels."""
        begin, down, right = address[:, :, None, None]
        steps = torch.arange(side, device=address.device)
        places = (begin + down * steps[:, None] + right * steps).flatten()
        shape = (address.shape[1], side, side)
        return torch.stack([plane.index_select(0, places).view(shape) for plane in self._planes], dim=1)


def bytes_on_device(pairs: PairSet) -> int:
    """Count the bytes that :class:`DevicePatchSampler` keeps on the device."""
    unique = {_identity(image): image.size for pair in pairs for image in (pair.lr, pair.hr)}
    return sum(unique.values())


def _identity(image: Levels) -> tuple[object, ...]:
    """The place and the layout of the pixels in memory; the variants of one image share HR."""
    return image.__array_interface__["data"][0], image.shape, image.strides
