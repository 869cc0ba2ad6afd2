"""Checkerboard score: the energy that an upsampler adds at the frequencies of its own sub-pixels.

An upscaling by ``scale`` writes ``scale * scale`` kinds of output pixel (phases). Where the phases answer the
same input differently, the image has a pattern of period ``scale``: energy at exactly the frequencies
(i, j) / scale cycles per pixel. Everything here takes arrays or a callable from array to array, so that torch
modules, ONNX sessions and plain functions are measured by the same code.

Odena et al., "Deconvolution and checkerboard artifacts", Distill, 2016; Sugawara et al., "Super-resolution
using convolutional neural networks without any checkerboard artifacts", ICIP 2018, arXiv:1806.02658.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.metrics.metric import Metric, Sample

__all__ = [
    "CHECKERBOARD",
    "Checkerboard",
    "NetworkCheckerboard",
    "checkerboard",
    "network_checkerboard",
    "overlap_count",
    "phase_means",
    "phase_response",
    "smooth_probe",
    "spectrum",
    "sub_pixel_residual",
    "texture_probe",
]

Float64 = NDArray[np.float64]
Upscale = Callable[[NDArray[np.float32]], NDArray[Any]]

_BLOCK = 64  # side of the blocks whose spectra are averaged, so that the score does not depend on the image size
_PERIODS = 16  # minimum number of periods in a block: separates the neighbourhoods of two sub-pixel frequencies
_NEAR, _FAR = 3, 6  # the neighbourhood of a frequency: bins at this (Chebyshev) distance
_SEEN = 0.5 / 255.0  # a wave of half an 8-bit level: a weaker one is not visible in an image
_MADE = 0.01 / 255.0  # on a synthetic probe much weaker patterns are significant


@dataclass(frozen=True)
class Checkerboard:
    """The checkerboard pattern of an image."""

    score: float
    """dB: energy at the sub-pixel frequencies over that of their neighbourhood; 0 is no pattern."""
    amplitude: float
    """Root mean square of the pattern, in the units of the image (1/255 is one 8-bit level); 0 is no pattern."""


@dataclass(frozen=True)
class NetworkCheckerboard:
    """The checkerboard pattern that a network adds to its output."""

    response: Float64
    """(scale, scale, C): the mean output of each phase for grey 0.5."""
    texture: Checkerboard
    """Of its output for :func:`texture_probe`, with a floor of a hundredth of an 8-bit level."""

    @property
    def spread(self) -> float:
        """The largest difference between two phases' outputs for grey, in the units of the image."""
        return float(np.ptp(self.response, axis=(0, 1)).max())


def network_checkerboard(
    upscale: Upscale, *, scale: int, channels: int, margin: int = 12, multiple: int = 1
) -> NetworkCheckerboard:
    """Score a network on grey and on a texture without energy at the sub-pixel frequencies.

    Args:
        upscale: from (H, W, channels) float32 in [0, 1] to (scale*H, scale*W, C).
        scale: at least 2.
        channels: of the input.
        margin: LR pixels left out along each side, where padding has an effect: the receptive field.
        multiple: sides of the inputs are multiples of this.

    Raises:
        ImageError: the output is not of ``scale`` times the input's size.
        ValueError: scale is below 2.
    """
    flat, textured = (-(-(side + 2 * margin) // multiple) * multiple for side in (16, 96))
    response = phase_response(upscale, scale=scale, channels=channels, level=0.5, size=flat, margin=margin)
    answer = np.asarray(upscale(texture_probe(textured, scale=scale, channels=channels)))
    cut = margin * scale
    inner = answer[cut : answer.shape[0] - cut, cut : answer.shape[1] - cut]
    return NetworkCheckerboard(response=response, texture=checkerboard(inner, scale=scale, floor=_MADE))


def phase_means(image: NDArray[Any], *, scale: int) -> Float64:
    """The mean of each phase.

    Args:
        image: (H, W) or (H, W, C), whose pixel (0, 0) is of phase (0, 0); incomplete cells at the right and bottom are
            left out.
        scale: at least 1.

    Returns:
        (scale, scale) or (scale, scale, C), float64.

    Raises:
        ImageError: a side is shorter than ``scale``.
    """
    height, width = image.shape[0] // scale, image.shape[1] // scale
    if min(height, width) < 1:
        raise ImageError(f"an image of {image.shape[1]}x{image.shape[0]} has no complete x{scale} cell.")
    whole = image[: height * scale, : width * scale].astype(np.float64)
    return np.asarray(whole.reshape(height, scale, width, scale, *image.shape[2:]).mean(axis=(0, 2)))


def phase_response(
    upscale: Upscale, *, scale: int, channels: int, level: float = 1.0, size: int = 24, margin: int | None = None
) -> Float64:
    """Output of a layer or a network for a constant input, by output phase.

    For a linear layer without bias and ``level`` 1 this is the gain of each phase: the sum of its taps. Where the
    phases differ, every flat area of every image has the pattern.

    Args:
        upscale: from (H, W, channels) float32 to (scale*H, scale*W, C).
        scale: output pixels for one input pixel along a side.
        channels: of the input; all of them get ``level``.
        level: the constant input.
        size: side of the constant image.
        margin: LR pixels left out along each side, where padding has an effect; by default a third of ``size``.

    Returns:
        (scale, scale, C), float64.

    Raises:
        ImageError: the output is not of ``scale`` times the input's size.
    """
    answer = np.asarray(upscale(np.full((size, size, channels), level, dtype=np.float32)))
    if answer.shape[:2] != (size * scale, size * scale):
        raise ImageError(f"the output of a {size}x{size} image is {answer.shape[:2]}, expected x{scale}.")
    cut = (size // 3 if margin is None else margin) * scale
    inner = answer[cut : size * scale - cut, cut : size * scale - cut]
    return phase_means(inner.reshape(*inner.shape[:2], -1), scale=scale)


def overlap_count(
    length: int, *, kernel_size: int, stride: int, padding: int = 0, output_padding: int = 0
) -> NDArray[np.int64]:
    """Number of input pixels that contribute to each output pixel of a transposed convolution, along one side.

    An image's count is the outer product of those of its sides. It is uneven in the middle exactly when the kernel
    size is not a multiple of the stride.

    Returns:
        (outputs,), outputs = (length - 1) stride + kernel_size - 2 padding + output_padding.
    """
    outputs = (length - 1) * stride + kernel_size - 2 * padding + output_padding
    places = np.arange(length)[:, None] * stride + np.arange(kernel_size)[None, :] - padding
    inside = places[(places >= 0) & (places < outputs)]
    return np.bincount(inside.ravel(), minlength=outputs).astype(np.int64)


def smooth_probe(size: int, *, channels: int = 1, waves: int = 24, seed: int = 0) -> NDArray[np.float32]:
    """An image without fine detail, for figures: waves of at most 1/32 cycle per pixel.

    Args:
        size: side in pixels.
        channels: 1 or more, all equal.
        waves: number of random plane waves.
        seed: of their directions and phases.

    Returns:
        (size, size, channels), float32, from 0.1 to 0.9.
    """
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi, size=waves)
    frequency = random.uniform(0, 1 / 32, size=waves)
    total = _waves(size, frequency * np.cos(angle), frequency * np.sin(angle), random)
    image = 0.1 + 0.8 * (total - total.min()) / np.ptp(total)
    return np.repeat(image[:, :, None], channels, axis=2).astype(np.float32)


def texture_probe(size: int, *, scale: int, channels: int = 1, waves: int = 48, seed: int = 0) -> NDArray[np.float32]:
    """LR image for scoring a network: grey 0.5 plus texture of standard deviation 0.02.

    Its waves are 4 to 6 bins of the HR spectrum from zero (along the steeper axis), so that the staircases of an
    imperfect interpolation fall into the neighbourhood of the sub-pixel frequencies, and only the difference of the
    phases on grey itself falls onto them.

    Args:
        size: side in LR pixels, at least 64, so that the HR image contains a complete block.
        scale: of the upsampler, at least 2.
        channels: 1 or more, all equal.
        waves: number of random plane waves.
        seed: of their directions and phases.

    Returns:
        (size, size, channels), float32, within [0, 1].
    """
    random = np.random.default_rng(seed)
    bin_width = scale / _block(scale)
    steep = random.uniform(4.0, 6.0, size=waves) * bin_width
    other = random.uniform(-1.0, 1.0, size=waves) * steep
    swap = random.uniform(size=waves) < 0.5
    total = _waves(size, np.where(swap, steep, other), np.where(swap, other, steep), random)
    image = np.clip(0.5 + 0.02 * (total - total.mean()) / total.std(), 0.0, 1.0)
    return np.repeat(image[:, :, None], channels, axis=2).astype(np.float32)


def _waves(size: int, x_frequency: Float64, y_frequency: Float64, random: np.random.Generator) -> Float64:
    y, x = np.mgrid[0:size, 0:size]
    total = np.zeros((size, size))
    for fx, fy in zip(x_frequency, y_frequency, strict=True):
        total += np.cos(2 * np.pi * (fx * x + fy * y) + random.uniform(0, 2 * np.pi))
    return total


def _block(scale: int) -> int:
    return scale * max(_PERIODS, -(-_BLOCK // scale))


def spectrum(image: NDArray[Any], *, scale: int) -> Float64:
    """Mean power spectrum of blocks that contain whole periods of the pattern.

    Blocks of side scale * ceil(64 / scale) (at least 16 periods) overlap by half and have a Hann window; the
    power is normalized so that its sum is the (weighted) mean square, and averaged over blocks and channels.

    Args:
        image: (H, W) or (H, W, C), in [0, 1].
        scale: of the upsampler, at least 2.

    Returns:
        (B, B), float64, zero frequency first; bin (i, j) * B / scale is a sub-pixel frequency.

    Raises:
        ImageError: a side is shorter than 16 periods.
        ValueError: scale is below 2.
    """
    if scale < 2:
        raise ValueError(f"scale must be at least 2, got {scale}: without sub-pixels there is no pattern")
    channels = image.reshape(*image.shape[:2], -1)
    height, width = channels.shape[:2]
    block = min(_block(scale), scale * (min(height, width) // scale))
    if block < _PERIODS * scale:
        side = _PERIODS * scale
        raise ImageError(f"{width}x{height} is too small for a spectrum at x{scale}. Give at least {side}x{side}.")
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(block) / block)  # periodic Hann: exactly three bins wide
    window = np.outer(wave, wave)
    norm = block**2 * float((window**2).sum())
    total = np.zeros((block, block))
    tops, lefts = _starts(height, block), _starts(width, block)
    for top in tops:
        for left in lefts:
            cut = channels[top : top + block, left : left + block].astype(np.float64)
            cut = (cut - cut.mean(axis=(0, 1))) * window[:, :, None]
            total += (np.abs(np.fft.fft2(cut, axes=(0, 1))) ** 2).mean(axis=2)
    return np.asarray(total / (len(tops) * len(lefts) * norm))


def checkerboard(image: NDArray[Any], *, scale: int, floor: float = _SEEN) -> Checkerboard:
    """Checkerboard score of an image that was upscaled by ``scale``.

    At each sub-pixel frequency the energy of the 3x3 bins around it (all of a pattern's, with the window of
    :func:`spectrum`) is compared with that of nine mean bins of its neighbourhood, 3 to 6 bins away:
    score = 10 log10((sum of peaks + floor^2 / 2) / (sum of neighbourhoods + floor^2 / 2)), where the floor is
    the amplitude of an invisible wave, so that a flat image scores 0 and not its noise. The amplitude is
    sqrt(sum of max(0, peak - neighbourhood)). Sharp detail has as much energy in the peaks as in the neighbourhood
    and does not count; a negative score means less energy than in the neighbourhood. A staircase on a long slope has
    the period of the pattern, and counts.

    Args:
        image: (H, W) or (H, W, C), in [0, 1].
        scale: of the upsampler, at least 2.
        floor: in the units of the image; by default half an 8-bit level.

    Raises:
        ImageError: a side is shorter than 16 * scale.
    """
    power = spectrum(image, scale=scale)
    block = power.shape[0]
    peaks: list[float] = []
    around: list[float] = []
    offsets = np.arange(-_FAR, _FAR + 1)
    distance = np.maximum(np.abs(offsets)[:, None], np.abs(offsets)[None, :])
    for i in range(scale):
        for j in range(scale):
            if i == j == 0:
                continue
            rows, columns = (i * block // scale + offsets) % block, (j * block // scale + offsets) % block
            patch = power[np.ix_(rows, columns)]
            peaks.append(float(patch[distance <= 1].sum()))
            around.append(9.0 * float(patch[distance >= _NEAR].mean()))
    least = floor**2 / 2.0
    score = 10.0 * np.log10((sum(peaks) + least) / (sum(around) + least))
    pattern = sum(max(0.0, peak - near) for peak, near in zip(peaks, around, strict=True))
    return Checkerboard(score=float(score), amplitude=float(np.sqrt(pattern)))


def sub_pixel_residual(image: NDArray[Any], *, scale: int) -> Float64:
    """The image minus its mean over one period, for an amplified difference image.

    The mean is over ``scale`` pixels along each side (for an even scale over scale + 1 with half weight at the
    ends, to stay centred); it removes every sub-pixel frequency exactly. The border is mirrored.

    Args:
        image: (H, W) or (H, W, C).
        scale: at least 2.

    Returns:
        The same shape, float64.
    """
    taps = np.ones(scale) if scale % 2 else np.r_[0.5, np.ones(scale - 1), 0.5]
    taps = taps / taps.sum()
    half = len(taps) // 2
    smooth = image.astype(np.float64)
    for axis in (0, 1):
        pads = [(half, half) if axis == padded_axis else (0, 0) for padded_axis in range(image.ndim)]
        padded = np.pad(smooth, pads, mode="symmetric")
        size = image.shape[axis]
        smooth = sum(
            (tap * padded.take(range(start, start + size), axis=axis) for start, tap in enumerate(taps)),
            start=np.zeros(image.shape),
        )
    return image.astype(np.float64) - smooth


def _starts(length: int, block: int) -> list[int]:
    """Block starts half a block apart, with one more flush with the far side."""
    starts = list(range(0, length - block + 1, max(1, block // 2)))
    if starts[-1] != length - block:
        starts.append(length - block)
    return starts


def _value(sample: Sample) -> float | None:
    try:
        return checkerboard(sample.sr / np.float32(255.0), scale=sample.scale).score
    except ImageError:  # fewer than 16 periods
        return None


CHECKERBOARD = Metric(
    "Checkerboard (dB)",
    _value,
    higher_is_better=False,
    summary="energy of the upsampler's own pattern over that of its surroundings; 0 is none",
    needs=f"{_PERIODS} periods along each side",
)
