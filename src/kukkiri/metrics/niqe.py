"""NIQE: distance of an image's local statistics from those of good photographs, without a reference.

Mittal, Soundararajan & Bovik, "Making a 'Completely Blind' Image Quality Analyzer", IEEE Signal
Processing Letters 20(3), 2013. The arithmetic equals the authors' code as the super-resolution
literature uses it (blocks of 96 pixels, luma rounded to 8 bit). A score depends on the *pristine model*
that it is measured against: the authors' is not shipped here, so :func:`niqe` takes either ours
(``NiqeModel.default()``, fitted by ``tools/fit_niqe.py``) or a file with theirs.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import rgb_to_y
from kukkiri.metrics.metric import Metric, Sample
from kukkiri.resampling import resize

__all__ = ["NIQE", "NiqeModel", "niqe"]

Float64 = NDArray[np.float64]
_BLOCK = 96
_SHARP = 0.75  # blocks that count when fitting: sharper than this share of the image's sharpest (section 2.3)
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
_NAMES = (
    ("mu", "covariance"),
    ("mu_pris_param", "cov_pris_param"),
    ("mu_prisparam", "cov_prisparam"),
    ("pop_mu", "pop_cov"),
)


@dataclass(frozen=True, eq=False)
class NiqeModel:
    """The pristine model: a multivariate Gaussian of the features of good photographs."""

    name: str
    """For reports."""
    mu: Float64
    """(36,)."""
    covariance: Float64
    """(36, 36)."""

    @classmethod
    def default(cls) -> "NiqeModel":
        """The shipped model; ``tools/fit_niqe.py`` names its photographs."""
        with resources.as_file(resources.files("kukkiri.metrics") / "niqe_pristine.npz") as path:
            return cls.load(path, name="kukkiri-1")

    @classmethod
    def load(cls, path: str | Path, *, name: str | None = None) -> "NiqeModel":
        """Read a model: our ``.npz``, BasicSR's ``niqe_pris_params.npz``, or (with SciPy) the authors' ``.mat``.

        Raises:
            ConfigError: the file is missing or contains no model.
        """
        path = Path(path)
        try:
            if path.suffix.lower() == ".mat":
                from scipy.io import loadmat

                arrays = loadmat(path)
            else:
                with np.load(path, allow_pickle=False) as archive:
                    arrays = dict(archive)
        except (OSError, ValueError, ImportError) as problem:
            raise ConfigError(f"cannot read the NIQE model {path}: {problem}. Give an .npz or .mat file.") from problem
        for mean, covariance in _NAMES:
            if mean in arrays and covariance in arrays:
                mu = np.asarray(arrays[mean], dtype=np.float64).ravel()
                matrix = np.asarray(arrays[covariance], dtype=np.float64)
                if mu.shape == (36,) and matrix.shape == (36, 36):
                    return cls(name or path.name, mu, matrix)
        raise ConfigError(f"{path} contains no NIQE model, expected a mean of 36 features and a 36x36 covariance.")

    def save(self, path: str | Path) -> None:
        """Write the model as ``.npz``."""
        np.savez_compressed(path, mu=self.mu, covariance=self.covariance)

    @classmethod
    def fit(cls, images: Iterable[NDArray[Any]], *, name: str) -> "NiqeModel":
        """Fit a model to the sharp blocks of good photographs.

        Args:
            images: as for :func:`niqe`; a hundred or more.
            name: of the model, for reports.

        Raises:
            ValueError: fewer than 37 sharp blocks: the covariance would be singular.
        """
        rows = []
        for image in images:
            features, sharpness = _features(_luma(image))
            rows.append(features[sharpness > _SHARP * sharpness.max()])
        table = np.concatenate(rows) if rows else np.zeros((0, 36))
        table = table[np.isfinite(table).all(axis=1)]
        if len(table) <= 36:
            raise ValueError(f"a model needs more than 36 sharp blocks, got {len(table)}")
        return cls(name, table.mean(axis=0), np.cov(table, rowvar=False))


def niqe(image: NDArray[Any], *, model: NiqeModel | None = None, border: int = 0) -> float:
    """Distance to good photographs: lower is better, about 2 to 5 for good ones.

    Args:
        image: uint8, (H, W) luma or (H, W, 3) RGB; at least 192x96; more blocks of 96x96 make it more reliable.
        model: the pristine model; by default the shipped one.
        border: pixels cut from each side first.

    Raises:
        ImageError: the image has fewer than two blocks.
    """
    luma = _luma(image)
    luma = luma[border : luma.shape[0] - border, border : luma.shape[1] - border]
    features, _ = _features(luma)
    finite = features[np.isfinite(features).all(axis=1)]
    if len(finite) < 2:
        raise ImageError(
            f"NIQE needs two textured blocks of {_BLOCK}x{_BLOCK} pixels, got {len(finite)} in "
            f"{luma.shape[0]}x{luma.shape[1]}. Use a larger image."
        )
    model = model or NiqeModel.default()
    difference = model.mu - np.nanmean(features, axis=0)
    pooled = (model.covariance + np.cov(finite, rowvar=False)) / 2
    return math.sqrt(max(float(difference @ np.linalg.pinv(pooled) @ difference), 0.0))


def _luma(image: NDArray[Any]) -> Float64:
    if image.dtype != np.uint8:
        raise TypeError(f"NIQE is defined on 8-bit images, got {image.dtype}")
    if image.ndim == 3 and image.shape[2] == 3:
        luma: Float64 = np.rint(rgb_to_y(image.astype(np.float64) / 255.0) * 255.0)
        return luma
    if image.ndim != 2:
        raise ValueError(f"an image is (H, W) or (H, W, 3), got shape {image.shape}")
    return image.astype(np.float64)


def _features(luma: Float64) -> tuple[Float64, Float64]:
    """36 features of each complete block, at full and at half size; and the sharpness of the blocks."""
    rows, columns = luma.shape[0] // _BLOCK, luma.shape[1] // _BLOCK
    luma = luma[: rows * _BLOCK, : columns * _BLOCK]
    if luma.size == 0:
        return np.zeros((0, 36)), np.zeros(0)
    scales, sharpness = [], np.zeros(0)
    for size in (_BLOCK, _BLOCK // 2):
        normalized, deviation = _normalize(luma)
        scales.append(np.array([_block_features(block) for block in _blocks(normalized, size)]))
        if size == _BLOCK:
            sharpness = _blocks(deviation, size).mean(axis=(1, 2))
            luma = resize(luma / 255.0, scale=0.5) * 255.0
    return np.concatenate(scales, axis=1), sharpness


def _blocks(image: Float64, size: int) -> Float64:
    """(count, size, size), row by row."""
    rows, columns = image.shape[0] // size, image.shape[1] // size
    return image.reshape(rows, size, columns, size).swapaxes(1, 2).reshape(-1, size, size)


def _normalize(luma: Float64) -> tuple[Float64, Float64]:
    """Subtract the local mean, divide by the local deviation + 1: 7x7 Gaussian, sigma 7/6 (Eq. 1)."""
    offsets = np.arange(-3, 4)
    weights = np.exp(-(offsets**2) / (2 * (7 / 6) ** 2))
    weights /= weights.sum()

    def smooth(image: Float64) -> Float64:
        for along in (0, 1):
            pad = [(3, 3) if along == axis else (0, 0) for axis in (0, 1)]
            windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, pad, mode="edge"), 7, axis=along)
            image = windows @ weights
        return image

    mean = smooth(luma)
    deviation = np.sqrt(np.abs(smooth(luma**2) - mean**2))
    return (luma - mean) / (deviation + 1), deviation


def _block_features(block: Float64) -> list[float]:
    """Shape and spread of the values, and shape, mean and spreads of the products of neighbours (Table I)."""
    alpha, left, right = _asymmetric_gaussian(block)
    features = [alpha, (left + right) / 2]
    for shift in _SHIFTS:
        alpha, left, right = _asymmetric_gaussian(block * np.roll(block, shift, axis=(0, 1)))
        mean = (right - left) * math.gamma(2 / alpha) / math.gamma(1 / alpha)
        features += [alpha, mean, left, right]
    return features


def _asymmetric_gaussian(values: Float64) -> tuple[float, float, float]:
    """Shape, left and right scale of an asymmetric generalized Gaussian, by moments; NaN scales without a side."""
    negative, positive = values[values < 0], values[values > 0]
    if not len(negative) or not len(positive):
        return 1.0, math.nan, math.nan
    left, right = math.sqrt(np.mean(negative**2)), math.sqrt(np.mean(positive**2))
    ratio = left / right
    spread = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    wanted = spread * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, spreads = _shape_table()
    alpha = float(shapes[np.argmin((spreads - wanted) ** 2)])
    scale = math.sqrt(math.gamma(1 / alpha) / math.gamma(3 / alpha))
    return alpha, left * scale, right * scale


@cache
def _shape_table() -> tuple[Float64, Float64]:
    """Shapes 0.2 to 10 in steps of 0.001, and the moment ratio of each."""
    shapes = np.arange(0.2, 10.001, 0.001)
    ratios = [
        math.exp(2 * math.lgamma(2 / shape) - math.lgamma(1 / shape) - math.lgamma(3 / shape)) for shape in shapes
    ]
    return shapes, np.array(ratios)


def _value(sample: Sample) -> float | None:
    try:
        return niqe(sample.sr, border=sample.scale)
    except ImageError:  # fewer than two blocks
        return None


NIQE = Metric(
    "NIQE",
    _value,
    higher_is_better=False,
    summary="distance from the statistics of good photographs, without HR (Mittal et al. 2013)",
    needs=f"two textured blocks of {_BLOCK}x{_BLOCK}",
)
