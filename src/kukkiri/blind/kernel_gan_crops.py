"""The crops of KernelGAN: sampled in proportion to the gradients, so that flat regions are seldom drawn.

Bell-Kligler, Shocher and Irani, NeurIPS 2019, arXiv:1909.06581, and the authors' code.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.resampling import resize

__all__ = ["CropSampler", "gradient_map"]

Float64 = NDArray[np.float64]
_WINDOW = 5
_SHARE = 0.97  # of the pixels, whose gradients count as zero
_GREY = (0.299, 0.587, 0.114)


class CropSampler:
    """Corners of crops for the generator and the discriminator, all drawn at the beginning.

    Args:
        image: (H, W, 3) in [0, 1]; H and W multiples of ``scale`` and larger than ``crop``.
        scale: of the downscaling.
        crop: side of the generator's crop; its corner is even.
        small_crop: side of the discriminator's crop.
        steps: number of crops.
        rng: source of randomness.

    Raises:
        ImageError: the image has no gradients to weigh the crops by.
    """

    def __init__(
        self, image: Float64, *, scale: int, crop: int, small_crop: int, steps: int, rng: np.random.Generator
    ) -> None:
        small = gradient_map(np.asarray(resize(image, scale=1 / scale, kernel="cubic")))
        enlarged = small.repeat(scale, axis=0).repeat(scale, axis=1)
        self._size = image.shape[:2]
        self._for_generator = self._draw(enlarged, side=crop, steps=steps, rng=rng)
        self._for_discriminator = self._draw(gradient_map(image), side=small_crop, steps=steps, rng=rng)

    def generator_corner(self, step: int) -> tuple[int, int]:
        """(row, column) of the generator's crop."""
        return self._for_generator[step]

    def discriminator_corner(self, step: int) -> tuple[int, int]:
        """(row, column) of the discriminator's crop."""
        return self._for_discriminator[step]

    def _draw(self, weights: Float64, *, side: int, steps: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        blurred = _keep_inside(_mean_filter(weights, side // 2), side // 2)
        if blurred.sum() <= 0:  # all gradients are near the border
            blurred = np.ones_like(blurred)
        places = rng.choice(blurred.size, size=steps, p=blurred.ravel() / blurred.sum())
        rows, columns = np.divmod(places, self._size[1])
        return [
            (_even_corner(row, side, self._size[0]), _even_corner(column, side, self._size[1]))
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ]


def gradient_map(image: NDArray[np.floating[Any]]) -> Float64:
    """Weigh the pixels of an image (H, W, 3) by their largest gradients, blurred by 5x5; the mean is 1.

    Raises:
        ImageError: the image has no gradients.
    """
    down, right = np.gradient(image.astype(np.float64) @ np.array(_GREY))
    total = np.zeros(image.shape[:2])
    for part in (np.abs(down), np.abs(right), np.hypot(down, right)):
        largest = _keep_largest(_keep_inside(part, _WINDOW))
        if largest.sum() <= 0:
            raise ImageError(
                "a kernel cannot be estimated from an image without details in both directions. Give the kernel."
            )
        total += largest / largest.sum()
    blurred = _mean_filter(total, _WINDOW)
    return np.asarray(blurred / blurred.mean())


def _keep_largest(values: Float64) -> Float64:
    """Values above the 97th percentile, cut at the next larger one: nearly a mask."""
    ordered = np.sort(values, axis=None)
    pivot = int(_SHARE * ordered.size)
    least, most = ordered[pivot], ordered[pivot + 1]
    return np.asarray(np.clip(values, least, most if most > least else least + 1e-5) - least)


def _keep_inside(values: Float64, margin: int) -> Float64:
    kept = np.zeros_like(values)
    kept[margin:-margin, margin:-margin] = values[margin:-margin, margin:-margin]
    return kept


def _mean_filter(values: Float64, side: int) -> Float64:
    """Mean over a square, zeros outside; an even square reaches one pixel further up and left."""
    after = (side - 1) // 2
    padded = np.pad(values, ((side - after, after), (side - after, after)))
    table = padded.cumsum(axis=0).cumsum(axis=1)
    sums = table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]
    return np.asarray(np.maximum(sums, 0.0) / side**2)


def _even_corner(middle: int, side: int, length: int) -> int:
    corner = min(max(0, middle - side // 2), length - side)
    return corner - corner % 2
