"""The fidelity report of one upscaled image: its agreement with the input, in pixels and in metadata."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images import Image, quantize, read_page, rgb_to_y
from kukkiri.images.archives import COMIC_SUFFIX
from kukkiri.metrics.checkerboard import Checkerboard, checkerboard
from kukkiri.metrics.consistency import ColourDrift, colour_drift, lr_consistency
from kukkiri.reports.data_uris import data_uri, encode
from kukkiri.reports.gallery import densest_box
from kukkiri.reports.page import build_page, write_page
from kukkiri.reports.viewer import ImageBlock, Version, image_block, viewer
from kukkiri.resampling import resize

__all__ = ["Carried", "Fidelity", "measure_fidelity", "write_fidelity_report"]

Plane = NDArray[np.float32]
_MEASURED = 24_000_000
"""Maximum number of pixels of the result that are measured; of a larger one, the centre."""
_SHOWN = 3_000_000
"""Maximum number of pixels of the result in the page; of a larger one, around the largest change."""
_MAP_SIDE = 720
_MAP_TOP = 8.0  # change in 8-bit levels with the darkest colour
_RAMP = ((0.0, (247, 245, 240)), (0.25, (250, 205, 120)), (0.6, (214, 73, 51)), (1.0, (84, 13, 49)))


@dataclass(frozen=True)
class Carried:
    """A property of a file beside its pixels, before and after."""

    name: str
    before: str
    after: str
    kept: bool


@dataclass(frozen=True)
class Fidelity:
    """Agreement of an upscaled image with its input; no ground truth is needed."""

    scale: float
    consistency: float
    """PSNR in dB between the input and the downscaled result; infinity when equal."""
    change: NDArray[np.float64]
    """(H, W) of the measured part of the input: absolute difference in luma between the two, in 8-bit levels."""
    place: tuple[int, int]
    """(top, left) of that part: (0, 0) unless only the centre of a large result was measured."""
    drift: ColourDrift | None
    """``None`` for a grey image."""
    pattern: Checkerboard | None
    """``None`` when the scale is not an integer, or the image is smaller than 16 periods."""
    carried: tuple[Carried, ...]
    """Properties of the input that the result has or has not."""


def measure_fidelity(before: Image, after: Image) -> Fidelity:
    """Compare an upscaled image with its input.

    Args:
        before: the input.
        after: the result, at least as large along both sides.

    Raises:
        ImageError: the result is smaller than the input.
    """
    if after.size[0] < before.size[0] or after.size[1] < before.size[1]:
        small, large = (f"{image.size[1]}x{image.size[0]}" for image in (after, before))
        raise ImageError(
            f"the result ({small}) is smaller than the input ({large}), so it is not an upscaled version of it."
        )
    scale = after.size[0] / before.size[0]
    lr, sr = _middle(_laid_on_black(before), _laid_on_black(after))
    if lr.shape[2] != sr.shape[2]:
        lr, sr = (np.repeat(plane, 3, axis=2) if plane.shape[2] == 1 else plane for plane in (lr, sr))
    downscaled = resize(sr.astype(np.float64), output_size=(lr.shape[0], lr.shape[1]))
    integer = scale.is_integer() and scale >= 2 and after.size == tuple(int(scale) * side for side in before.size)
    return Fidelity(
        scale=scale,
        consistency=lr_consistency(lr, sr, border=_border(lr), data_range=1.0),
        change=255.0 * np.abs(_luma(downscaled) - _luma(lr)),
        place=((before.size[0] - lr.shape[0]) // 2, (before.size[1] - lr.shape[1]) // 2),
        drift=None if lr.shape[2] == 1 else colour_drift(lr, sr),
        pattern=_pattern(sr, int(scale)) if integer else None,
        carried=_carried(before, after),
    )


def write_fidelity_report(
    path: Path,
    *,
    source: Path,
    result: Path,
    model: str,
    page: int | None = None,
    notes: Sequence[str] = (),
    overwrite: bool = False,
) -> Fidelity:
    """Read the input and the written result, and write one self-contained HTML page about them.

    Args:
        path: the ``.html`` file.
        source: the file that was upscaled.
        result: the file that was written.
        model: name of the model.
        page: page or frame of the input that became the result, from 1; None: all, of which the first are compared.
        notes: messages of reading, upscaling and writing.
        overwrite: replace an existing page.

    Raises:
        ImageError: a file cannot be read, or the result is smaller.
        ConfigError: the page exists or cannot be written.
    """
    if source.suffix.lower() == COMIC_SUFFIX:
        raise ImageError(f"{source}: the pages of a comic are not compared. Unpack it to have reports of its images.")
    before, after = read_page(source, page or 1), read_page(result, 1)
    found = measure_fidelity(before, after)
    block = _block(before, after, found, name=source.name)
    right = block.versions[-1].label
    sizes = [f"{image.size[1]}×{image.size[0]}" for image in (before, after)]
    parts = [
        viewer([block], left="before", right=right, note=f"{escape(block.caption)} {_BEFORE}", smooth=True),
        "<h2>Fidelity</h2>",
        _metrics(found),
        "<h2>Map of the differences from the input</h2>",
        _change_map(found),
        "<h2>Crops</h2>",
        '<p class="note">At the position of the largest change. Drag a crop to move all of them.</p>',
        image_block(block, zoom=2),
        "<h2>Kept and dropped metadata</h2>",
        _carried_table(found.carried),
        _notes(notes),
    ]
    setup = (
        f"<b>{escape(source.name)}</b> {sizes[0]} → <b>{escape(result.name)}</b> {sizes[1]} · scale "
        f"<b>×{found.scale:g}</b> · model <b>{escape(model)}</b>"
    )
    html = build_page(title=f"Fidelity of {result.name}", setup=setup, body="\n".join(parts), footer=_FOOTER)
    write_page(path, html, overwrite=overwrite)
    return found


_BEFORE = "“before”: the pixels of the input, upscaled by the browser."
_FOOTER = (
    "<p>These metrics have no ground truth: they show whether the result agrees with the input, not whether its added "
    "detail is true. Downscaling is MATLAB's bicubic; ΔE is CIE 1976 under D65 and treats the values as sRGB, "
    "independently of the colour profile.</p>"
)


def _laid_on_black(image: Image) -> Plane:
    """Composite on black: the colours of transparent pixels must not count."""
    return image.colour if image.alpha is None else image.colour * image.alpha[:, :, None]


def _middle(lr: Plane, sr: Plane) -> tuple[Plane, Plane]:
    """Cut the centre of both, when the result is too large to be measured whole and the scale is an integer."""
    scale = sr.shape[0] / lr.shape[0]
    if sr.shape[0] * sr.shape[1] <= _MEASURED or not scale.is_integer():
        return lr, sr
    share = math.sqrt(_MEASURED / (sr.shape[0] * sr.shape[1]))
    height, width = (max(1, int(share * side)) for side in lr.shape[:2])
    top, left = (lr.shape[0] - height) // 2, (lr.shape[1] - width) // 2
    factor = int(scale)
    rows, columns = (slice(factor * start, factor * (start + size)) for start, size in ((top, height), (left, width)))
    return lr[top : top + height, left : left + width], sr[rows, columns]


def _border(lr: Plane) -> int:
    return 2 if min(lr.shape[:2]) > 8 else 0


def _luma(colour: NDArray[Any]) -> NDArray[np.float64]:
    plane = colour[..., 0] if colour.shape[2] == 1 else rgb_to_y(colour.astype(np.float64))
    return np.asarray(plane, dtype=np.float64)


def _pattern(sr: Plane, scale: int) -> Checkerboard | None:
    try:
        return checkerboard(sr, scale=scale)
    except ImageError:  # fewer than 16 periods
        return None


def _carried(before: Image, after: Image) -> tuple[Carried, ...]:
    """Properties of the input, the most important ones first."""
    old, new = before.metadata, after.metadata
    rows = [Carried("Bits per sample", str(before.depth), str(after.depth), after.depth >= before.depth)]
    kinds = {1: "grey", 3: "RGB"}
    first, second = before.colour.shape[2], after.colour.shape[2]
    rows.append(Carried("Colours", kinds[first], kinds[second], second >= first))
    if before.alpha is not None:
        rows.append(_presence("Transparency", True, after.alpha is not None))
    blobs = (
        ("Colour profile", old.icc, new.icc),
        ("EXIF (camera, date, place)", old.exif, new.exif),
        ("XMP (edits, rights)", old.xmp, new.xmp),
        ("IPTC (captions)", old.iptc, new.iptc),
    )
    for name, was, now in blobs:
        if was is not None:
            same = now is not None and (name != "Colour profile" or was == now)
            rows.append(Carried(name, f"{len(was):,} bytes", "–" if now is None else f"{len(now):,} bytes", same))
    if old.resolution is not None:
        texts = ["–" if dpi is None else f"{dpi[0]:.4g} × {dpi[1]:.4g} dpi" for dpi in (old.resolution, new.resolution)]
        rows.append(Carried("Resolution", texts[0], texts[1], texts[0] == texts[1]))
    if old.png_text:
        rows.append(_presence("PNG text", len(old.png_text), len(new.png_text)))
    if old.png_colour:
        rows.append(_presence("PNG colour chunks", len(old.png_colour), len(new.png_colour) or new.icc is not None))
    return tuple(rows)


def _presence(name: str, before: float, after: float) -> Carried:
    texts = ["–" if not count else "yes" if count is True else str(count) for count in (before, after)]
    return Carried(name, texts[0], texts[1], after >= before)


def _block(before: Image, after: Image, found: Fidelity, *, name: str) -> ImageBlock:
    """The image in the page: all of it, or a part around the largest change."""
    factor = after.size[0] / before.size[0]
    window = max(1, min(round(96 / factor), *found.change.shape))
    top, left = densest_box(found.change**2, window)
    row, column = found.place[0] + top + window // 2, found.place[1] + left + window // 2
    part = _part(before.size, after.size, row, column)
    small = _pixels(before, part, factor=1.0)
    large = _pixels(after, part, factor=factor)
    icc = after.metadata.icc if after.metadata.icc_space == b"RGB " else None
    versions = [Version("before", encode(small, icc=icc), "input")]
    bicubic = np.asarray(resize(small, output_size=(large.shape[0], large.shape[1])))
    versions.append(Version("bicubic", encode(bicubic, icc=icc), "for comparison", series=0))
    versions.append(Version("after", encode(large, icc=icc), "result", series=1))
    height, width = large.shape[:2]
    focus = (round(factor * (row - part[0] + 0.5)), round(factor * (column - part[1] + 0.5)))
    caption = f"{after.size[1]}×{after.size[0]} pixels."
    if (height, width) != after.size:
        caption += f" The page has {width}×{height} of them, around the largest change."
    return ImageBlock(name, (height, width), focus, tuple(versions), caption)


def _part(small: tuple[int, int], large: tuple[int, int], row: int, column: int) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the input in the page, aligned to both pixel grids where possible."""
    share = math.sqrt(min(1.0, _SHOWN / (large[0] * large[1])))
    if share == 1.0:
        return 0, 0, *small
    factor = large[0] / small[0]
    bounds = []
    for side, centre in zip(small, (row, column), strict=True):
        length = max(1, int(share * side))
        start = min(max(0, centre - length // 2), side - length)
        candidates = range(start, max(-1, start - 12), -1)
        bounds.append((min(candidates, key=lambda edge: abs(factor * edge - round(factor * edge))), length))
    (top, height), (left, width) = bounds
    return top, left, height, width


def _pixels(image: Image, part: tuple[int, int, int, int], *, factor: float) -> NDArray[Any]:
    """8-bit RGB or RGBA pixels of the part of an image that is ``factor`` times ``part``."""
    top, left, height, width = (round(factor * edge) for edge in part)
    rows, columns = slice(top, top + height), slice(left, left + width)
    colour: NDArray[Any] = quantize(np.ascontiguousarray(image.colour[rows, columns]), 8)
    if colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    if image.alpha is None:
        return colour
    alpha = quantize(np.ascontiguousarray(image.alpha[rows, columns]), 8)
    return np.concatenate([colour, alpha[:, :, None]], axis=2)


def _metrics(found: Fidelity) -> str:
    cards = [_consistency_card(found.consistency), _drift_card(found.drift), _pattern_card(found.pattern)]
    return f'<div class="metrics">{"".join(cards)}</div>'


def _card(title: str, value: str, unit: str, text: str) -> str:
    number = f'<p class="value">{value} <small>{unit}</small></p>'
    return f'<section class="card"><h3>{title}</h3>{number}<p class="note">{text}</p></section>'


def _consistency_card(value: float) -> str:
    if value >= 45:
        verdict = "It differs from the input only in detail that the input cannot show."
    elif value >= 40:
        verdict = "It changes some detail of the input; see the map below."
    else:
        verdict = "It blurs or changes detail of the input (bicubic interpolation has 33 to 43 dB); see the map below."
    number = "equal" if math.isinf(value) else f"{value:.1f}"
    unit = "" if math.isinf(value) else "dB"
    return _card("LR consistency", number, unit, f"PSNR of the downscaled result against the input. {verdict}")


def _drift_card(drift: ColourDrift | None) -> str:
    if drift is None:
        return _card("Colour drift", "none", "", "A grey image has no colours.")
    if drift.delta_e < 1:
        verdict = "Colours are unchanged."
    elif drift.delta_e < 2.3:
        verdict = "Below the just noticeable difference side by side (2.3)."
    else:
        verdict = "Above 2.3, the just noticeable difference side by side: compare the colours before use."
    light, red, yellow = drift.mean_shift
    shift = f"Mean shift: lightness {light:+.2f}, green to red {red:+.2f}, blue to yellow {yellow:+.2f}."
    return _card("Colour drift", f"{drift.delta_e:.2f}", "ΔE", f"{verdict} {shift}")


def _pattern_card(pattern: Checkerboard | None) -> str:
    if pattern is None:
        why = "Defined for integer scales from 2, on images of at least 16 input pixels along each side."
        return _card("Checkerboard", "–", "", why)
    levels = 255 * pattern.amplitude
    verdict = "No visible pattern." if levels < 0.5 else "A pattern of the sub-pixels may be visible on flat areas."
    text = (
        f"Energy at the sub-pixel frequencies over that of their neighbourhood. Amplitude: {levels:.2f} of 255 levels."
    )
    return _card("Checkerboard", f"{pattern.score:.1f}", "dB", f"{verdict} {text}")


def _change_map(found: Fidelity) -> str:
    height, width = found.change.shape
    share = min(1.0, _MAP_SIDE / max(height, width))
    levels = found.change
    if share < 1:
        size = (max(1, round(share * height)), max(1, round(share * width)))
        levels = np.asarray(resize(levels, output_size=size, kernel="linear"))
    stops = [stop for stop, _ in _RAMP]
    strength = np.clip(levels / _MAP_TOP, 0, 1)
    channels = [np.interp(strength, stops, [colour[channel] for _, colour in _RAMP]) for channel in range(3)]
    image = data_uri(encode(np.rint(np.stack(channels, axis=-1)).astype(np.uint8)))
    most, mean = float(found.change.max()), float(found.change.mean())
    return (
        f'<figure><img class="map" src="{image}" alt="Map of the change: mean {mean:.2f}, largest {most:.0f} levels">'
        f"<figcaption>Difference in luma between the input and the downscaled result: mean {mean:.2f}, largest "
        f"{most:.1f} of 255 levels. Light is none; the darkest red is {_MAP_TOP:g} or more.</figcaption></figure>"
    )


def _carried_table(rows: Sequence[Carried]) -> str:
    cells = "".join(
        f'<tr><th scope="row">{escape(row.name)}</th><td>{escape(row.before)}</td><td>{escape(row.after)}</td>'
        f'<td class="{"yes" if row.kept else "no"}">{"kept" if row.kept else "dropped"}</td></tr>'
        for row in rows
    )
    head = "".join(f'<th scope="col">{text}</th>' for text in ("Property", "Before", "After", ""))
    return (
        '<div class="scroll kept" role="region" tabindex="0" aria-label="Kept and dropped"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></div>"
    )


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return '<p class="note">No other changes.</p>'
    return f"<h3>Notes</h3><ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul>"
