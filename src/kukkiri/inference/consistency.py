"""A check of a blind result: blurred and downscaled again, it must give the image back."""

import dataclasses
import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from kukkiri.degradations import DegradationEstimate, bicubic_kernel, blur_downsample
from kukkiri.images import Image
from kukkiri.inference.colour_plan import ColourPlan
from kukkiri.inference.engine import Engine
from kukkiri.metrics import lr_consistency

__all__ = ["LEAST", "Consistency", "check_consistency", "find_detailed_part"]

LEAST = 34.0
"""LR consistency in dB below which a kernel is wrong: 43 and more with a right one, 30 where a spectrum was misread."""
_SIDE = 160  # LR pixels of the part that is checked
_BORDER = 4  # LR pixels
_NEAR = 1.0  # dB
_NOISY = 2.0  # dB that a result may lie below the noise alone


@dataclass(frozen=True)
class Consistency:
    """LR consistency of a result, PSNR in dB, at the most detailed part of an image."""

    found: float
    """Under the degradation that the network was conditioned on."""
    bicubic: float
    """Of the same result under bicubic downscaling alone."""
    least: float = LEAST
    """Below it a kernel is wrong; lower where the image is said to hold noise, which a result shall not give back."""

    @property
    def contradicted(self) -> bool:
        """The kernel does not explain the image."""
        return self.found < self.least

    @property
    def unneeded(self) -> bool:
        """Bicubic downscaling explains the image about as well."""
        return self.bicubic > self.found - _NEAR


def check_consistency(image: Image, engine: Engine, estimate: DegradationEstimate) -> Consistency:
    """Run a network on the most detailed part of an image, and degrade the result again.

    Args:
        image: LR.
        engine: conditioned on the degradation.
        estimate: the degradation.
    """
    part = find_detailed_part(image, side=_SIDE, multiple=engine.info.multiple)
    planes = ColourPlan(part, engine.info.colour).planes
    lr = np.ascontiguousarray(planes[0].transpose(1, 2, 0), dtype=np.float64)
    sr = np.clip(engine.run(np.ascontiguousarray(planes))[0].transpose(1, 2, 0).astype(np.float64), 0, 1)
    scale = engine.info.scale
    border = min(_BORDER, (min(lr.shape[:2]) - 1) // 4)
    stated = partial(blur_downsample, kernel=estimate.kernel, scale=scale, method=estimate.subsample)
    alone = partial(blur_downsample, kernel=bicubic_kernel(scale, aligned=estimate.subsample == "bicubic"), scale=scale)
    found, bicubic = (
        lr_consistency(lr, sr, downsample=downsample, border=border, data_range=1.0) for downsample in (stated, alone)
    )
    noise = -20 * math.log10(estimate.noise_std) - _NOISY if estimate.noise_std else LEAST
    return Consistency(found=found, bicubic=bicubic, least=min(LEAST, noise))


def find_detailed_part(image: Image, *, side: int, multiple: int = 1) -> Image:
    """Cut out the window of ``side`` with the most gradient energy; alpha and extra samples are left out.

    Args:
        image: any.
        side: pixels; a shorter side of the image is taken whole.
        multiple: of the window's height and width.
    """
    height, width = (max(min(side, each) // multiple, 1) * multiple for each in image.size)
    luma = image.colour.mean(axis=2, dtype=np.float64)
    energy = np.zeros_like(luma)
    energy[1:] += np.diff(luma, axis=0) ** 2
    energy[:, 1:] += np.diff(luma, axis=1) ** 2
    table = np.pad(energy.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums = table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]
    step = max(side // 8, 1)
    row, column = (
        step * int(each) for each in np.unravel_index(np.argmax(sums[::step, ::step]), sums[::step, ::step].shape)
    )
    part = image.colour[row : row + height, column : column + width]
    return dataclasses.replace(image, colour=np.ascontiguousarray(part), alpha=None, extra=None)
