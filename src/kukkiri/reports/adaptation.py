"""The report of an adaptation: the kernel, the fit in numbers, and the image before and after."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import kernel_covariance, kernel_view
from kukkiri.images import Image, quantize
from kukkiri.inference import Upscaler
from kukkiri.reports.data_uris import data_uri, encode
from kukkiri.reports.gallery import densest_box
from kukkiri.reports.page import build_page, write_page
from kukkiri.reports.viewer import ImageBlock, Version, image_block, viewer

if TYPE_CHECKING:
    from kukkiri.adaptation import AdaptedUpscaler  # torch, which this module does not need

__all__ = ["write_adaptation_report"]

Pixels = NDArray[np.uint8]
_PART = 768  # side of the part of a large image that is shown


def write_adaptation_report(
    path: Path, adapted: "AdaptedUpscaler", *, before: Image, after: Image, estimated: bool, overwrite: bool = False
) -> None:
    """Write one self-contained HTML page about an adaptation.

    Args:
        path: the ``.html`` file.
        adapted: the upscaler that was fitted to ``before``.
        before: the LR image.
        after: the upscaled image.
        estimated: the kernel was estimated, not given.
        overwrite: replace an existing file.

    Raises:
        ConfigError: the file exists or cannot be written.
    """
    origin = "estimated from the image" if estimated else "given"
    body = [_kernel(adapted, origin=origin), _numbers(adapted), *_images(adapted, before, after)]
    height, width = before.size
    setup = (
        f"Scale <b>×{adapted.scale}</b> · {width}×{height} pixels · "
        f"degradation <b>{escape(str(adapted.degradation))}</b>, {origin}"
    )
    method = adapted.fit.method if adapted.fit else "?"
    page = build_page(
        title=f"Adapted by {method}",
        setup=setup,
        body="\n".join(body),
        footer="<p>The true HR image is not known here. Agreement of the result, downscaled again by the kernel, with "
        "the image shows that no detail contradicts it; it does not show that the kernel is right.</p>",
    )
    write_page(path, page, overwrite=overwrite)


def _kernel(adapted: "AdaptedUpscaler", *, origin: str) -> str:
    """The kernel as an image of one square for each HR pixel."""
    try:
        kernel = adapted.degradation.effective_kernel(scale=adapted.scale)
    except ValueError:
        return ""
    shown = quantize(np.repeat(kernel_view(_trimmed(kernel)), 3, axis=2), 8)
    rows, columns = _trimmed(kernel).shape
    caption = (
        f"The kernel, {origin}: {columns}×{rows} HR pixels, subsampling included; brightness is the square root of "
        f"the weight. {escape(_moments(kernel))}"
    )
    image = f'<img src="{data_uri(encode(shown))}" alt="kernel" width="{12 * columns}" height="{12 * rows}">'
    return f'<h2>Kernel</h2><figure class="card">{image}<figcaption>{caption}</figcaption></figure>'


def _trimmed(kernel: NDArray[Any]) -> NDArray[Any]:
    """Cut the outer frame where all weights are below a thousandth of the largest."""
    weight = np.abs(kernel) >= 1e-3 * np.abs(kernel).max()
    rows, columns = np.flatnonzero(weight.any(axis=1)), np.flatnonzero(weight.any(axis=0))
    trimmed: NDArray[Any] = kernel[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return trimmed


def _moments(kernel: NDArray[Any]) -> str:
    """Standard deviations along the axes of the kernel, in HR pixels."""
    xx, yy, xy = kernel_covariance(kernel)
    second, first = np.sqrt(np.clip(np.linalg.eigvalsh([[xx, xy], [xy, yy]]), 0, None))
    return f"Its standard deviations are {first:.2f} and {second:.2f} HR pixels."


def _numbers(adapted: "AdaptedUpscaler") -> str:
    fit, guard = adapted.fit, adapted.guard
    if fit is None or guard is None:
        return ""
    rows = [
        ("method", fit.method),
        ("steps", str(fit.steps)),
        ("seconds", f"{fit.seconds:.1f}"),
        ("PSNR of the image reconstructed from its downscaled copy, before", f"{fit.initial_psnr:.2f} dB"),
        ("and after adaptation", f"{fit.psnr:.2f} dB"),
        ("LR PSNR of bicubic interpolation", f"{guard.before:.2f} dB"),
        ("LR PSNR of the adapted result", f"{guard.after:.2f} dB"),
        ("chosen result", "bicubic interpolation" if adapted.fell_back else "the adapted one"),
    ]
    cells = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    region = '<div class="scroll" role="region" tabindex="0" aria-label="Adaptation">'
    return f"<h2>Adaptation</h2>{region}<table>{cells}</table></div>"


def _images(adapted: "AdaptedUpscaler", before: Image, after: Image) -> list[str]:
    bicubic = Upscaler("bicubic", scale=adapted.scale)(before)
    shown, plain = (_pixels(image) for image in (after, bicubic))
    difference = np.abs(shown.astype(np.float64) - plain).mean(axis=2)
    if difference.size > _PART**2:
        side = min(_PART, *difference.shape)
        top, left = densest_box(difference, side)
        shown, plain, difference = (array[top : top + side, left : left + side] for array in (shown, plain, difference))
    height, width = difference.shape
    crop = min(96, height, width)
    row, column = densest_box(difference, crop)
    block = ImageBlock(
        "result",
        (height, width),
        (row + crop // 2, column + crop // 2),
        (Version("bicubic", encode(plain), series=0), Version("adapted", encode(shown), series=1)),
        caption=f"{width}×{height} of {after.size[1]}×{after.size[0]} pixels",
    )
    note = "Drag the line, or use the arrow keys."
    return [viewer([block], left="bicubic", right="adapted", note=note), image_block(block)]


def _pixels(image: Image) -> Pixels:
    """8-bit RGB, composited on black."""
    colour = image.colour if image.alpha is None else image.colour * image.alpha[..., None]
    return quantize(np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour, 8).astype(np.uint8)
