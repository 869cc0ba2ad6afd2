"""The linear part of a degradation: blur by a kernel, and keep fewer pixels.

Correlation, not convolution; an even kernel's anchor is pixel size // 2, as in SciPy. Nothing is
clamped or rounded here. The torch twins stand in :mod:`kukkiri.degradations.torch_twins`.
"""

from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.blur_kernels import Kernel
from kukkiri.errors import ImageError, did_you_mean
from kukkiri.resampling import Border, border_indices, resize

__all__ = ["SUBSAMPLERS", "Subsampling", "blur", "blur_downsample", "check_divisible", "crop_to_multiple", "subsample"]

Floats = TypeVar("Floats", bound=NDArray[np.floating[Any]])
Pixels = TypeVar("Pixels", bound=NDArray[np.integer[Any] | np.floating[Any]])
Subsampling = Literal["direct", "nearest", "bilinear", "bicubic", "lanczos"]
SUBSAMPLERS = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic", "lanczos": "lanczos3"}
"""The kernel in :mod:`kukkiri.resampling` behind each way to subsample but ``direct``."""
_LARGE = 121  # taps from which the FFT beats the sum over taps
_SMALL = 9  # taps up to which a column and a row are no fewer
_ROUNDING = 1e-15  # of the singular values
_WIDEST = 101  # side up to which the search for factors pays
_BAND = 2**15  # values that are summed at a time: 256 KiB of float64


def blur(image: Floats, kernel: Kernel, *, border: Border = "symmetric", step: int = 1) -> Floats:
    """Correlate an image with a kernel.

    Args:
        image: (H, W) or (H, W, C), float32 or float64.
        kernel: (K, L), in pixels of ``image``.
        border: ``symmetric`` (MZSR, ZSSR, KernelGAN: SciPy's 'reflect'), ``reflect`` (IKC), ``replicate``
            (SRMD, BD) or ``wrap`` (USRNet, DPSR).
        step: keep every ``step``-th pixel, from the first; the others are not computed.

    Returns:
        (ceil(H / step), ceil(W / step)[, C]), dtype of ``image``.
    """
    if image.dtype not in (np.float32, np.float64):
        raise TypeError(f"a blur needs float32 or float64, got {image.dtype}")
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"an image is (H, W) or (H, W, C) and not empty, got shape {image.shape}")
    height, width = image.shape[:2]
    padded = image
    for axis, (length, taps) in enumerate(zip((height, width), kernel.shape, strict=True)):
        positions = np.arange(-(taps // 2), length + taps - taps // 2 - 1)
        padded = padded.take(border_indices(positions, length, border=border), axis=axis)  # type: ignore[assignment]
    factors = _factors(kernel) if step == 1 and kernel.size > _SMALL else ()
    if factors:
        column, row = factors
        result = _correlate(_correlate(padded, column), row)
    elif step == 1 and kernel.size > _LARGE:
        return _correlate_by_fft(padded, kernel, (height, width))
    else:
        result = _correlate(padded, kernel, step=step)
    return result  # type: ignore[return-value]


def _factors(kernel: Kernel) -> tuple[Kernel, Kernel] | tuple[()]:
    """A column and a row whose product the kernel is, to rounding: 2 K taps instead of K^2."""
    if min(kernel.shape) < 2 or max(kernel.shape) > _WIDEST:
        return ()
    left, weights, right = np.linalg.svd(kernel)
    return (weights[0] * left[:, :1], right[:1]) if weights[1] <= _ROUNDING * weights[0] else ()


def _correlate(padded: NDArray[Any], kernel: Kernel, *, step: int = 1) -> NDArray[Any]:
    """The sum over the taps, in bands of rows that stay in the cache."""
    height, width = padded.shape[0] - kernel.shape[0] + 1, padded.shape[1] - kernel.shape[1] + 1
    total = np.zeros((-(-height // step), -(-width // step), *padded.shape[2:]), dtype=padded.dtype)
    rows = max(1, _BAND // max(1, total[:1].size))
    product = np.empty_like(total[:rows])
    taps = [(row, column, padded.dtype.type(weight)) for (row, column), weight in np.ndenumerate(kernel) if weight != 0]
    for top in range(0, len(total), rows):
        band = total[top : top + rows]
        scaled = product[: len(band)]
        for row, column, weight in taps:
            first = row + step * top
            part = padded[first : first + step * len(band) : step, column : column + width : step]
            band += np.multiply(part, weight, out=scaled)
    return total


def subsample(image: Pixels, *, scale: int, method: Subsampling = "bicubic", border: Border = "symmetric") -> Pixels:
    """Downscale by an integer.

    Args:
        image: (H, W) or (H, W, C); uint8, uint16, float32 or float64; H and W multiples of ``scale``.
        scale: at least 1.
        method: ``direct`` keeps pixels [0::scale]; the others are MATLAB's ``imresize``, antialiased
            but for ``nearest`` (which at an odd scale keeps the middle pixel: BD's way).
        border: of the antialiased ones, outside the image.

    Returns:
        (H / scale, W / scale[, C]), dtype of ``image``; integers are rounded as MATLAB does.

    Raises:
        ImageError: a side is not a multiple of ``scale``.
    """
    check_divisible(image.shape, scale)
    if method == "direct":
        return np.ascontiguousarray(image[::scale, ::scale])  # type: ignore[return-value]
    if method not in SUBSAMPLERS:
        raise ValueError(f"unknown subsampling {method!r}{did_you_mean(method, ('direct', *SUBSAMPLERS))}")
    return resize(image, scale=1 / scale, kernel=SUBSAMPLERS[method], border=border)


def blur_downsample(
    hr: Floats,
    kernel: Kernel,
    *,
    scale: int,
    method: Subsampling = "direct",
    border: Border = "symmetric",
    blur_last: bool = False,
) -> Floats:
    """Blur, then subsample; or the other way round, as DPSR does.

    Args:
        hr: (H, W) or (H, W, C), float32 or float64; H and W multiples of ``scale``.
        kernel: in HR pixels; in LR pixels with ``blur_last``.
        scale: at least 1.
        method: see :func:`subsample`; ``direct`` takes s^2 times less work than blurring first would.
        border: for the blur; bicubic always mirrors, as MATLAB does.
        blur_last: subsample first.

    Raises:
        ImageError: a side is not a multiple of ``scale``.
    """
    check_divisible(hr.shape, scale)
    if blur_last:
        return blur(subsample(hr, scale=scale, method=method), kernel, border=border)
    if method == "direct":
        return blur(hr, kernel, border=border, step=scale)
    return subsample(blur(hr, kernel, border=border), scale=scale, method=method)


def crop_to_multiple(image: Pixels, scale: int) -> Pixels:
    """Crop rows and columns from the bottom and the right until both sides are multiples (``modcrop``)."""
    height, width = (side - side % scale for side in image.shape[:2])
    return image[:height, :width]  # type: ignore[return-value]


def check_divisible(shape: tuple[int, ...], scale: int) -> None:
    """Refuse an image whose sides are not multiples of ``scale``.

    Raises:
        ImageError: they are not.
        ValueError: ``scale`` is no whole number, or below 1.
    """
    if scale < 1 or scale != int(scale):
        raise ValueError(f"scale must be a whole number of at least 1, got {scale}")
    height, width = shape[:2]
    if height % scale or width % scale:
        down = f"{height - height % scale}x{width - width % scale}"
        up = f"{-(-height // scale) * scale}x{-(-width // scale) * scale}"
        raise ImageError(
            f"{height}x{width} (height x width) is not a multiple of scale {scale}. Crop to {down} or pad to {up}."
        )


def _correlate_by_fft(padded: Floats, kernel: Kernel, size: tuple[int, int]) -> Floats:
    """The same sum for large kernels, to 1e-15 of the largest value in float64."""
    extent = padded.shape[:2]
    spectrum = np.conj(np.fft.rfft2(kernel, s=extent))
    spectrum = spectrum if padded.ndim == 2 else spectrum[..., None]
    full = np.fft.irfft2(np.fft.rfft2(padded.astype(np.float64), axes=(0, 1)) * spectrum, s=extent, axes=(0, 1))
    return full[: size[0], : size[1]].astype(padded.dtype)  # type: ignore[return-value]
