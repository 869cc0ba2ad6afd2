"""Markup of the interactive parts of a page: the before/after slider, and crops side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from kukkiri.reports.data_uris import data_uri

__all__ = ["ImageBlock", "Version", "image_block", "viewer"]

_TILE = 200  # CSS pixels of a crop on a wide screen


@dataclass(frozen=True)
class Version:
    """The output of one model."""

    label: str
    webp: bytes
    score: str = ""
    """Short text beside the label."""
    series: int | None = None
    """Number of its colour."""


@dataclass(frozen=True)
class ImageBlock:
    """All versions of one image, of one size on the page."""

    name: str
    size: tuple[int, int]
    """(height, width) on the page; a version may have fewer pixels."""
    focus: tuple[int, int]
    """(row, column) of the initial centre of the crops."""
    versions: tuple[Version, ...]
    caption: str = ""
    overview: bytes | None = None
    """Thumbnail for the choice among several images."""


def viewer(blocks: Sequence[ImageBlock], *, left: str, right: str, note: str, smooth: bool = False) -> str:
    """The slider with its heading and controls; it is left out of prints.

    Args:
        blocks: with the same labels each.
        left: initial label of the left side.
        right: initial label of the right side.
        note: HTML under the heading.
        smooth: let the browser smooth upscaled pixels.
    """
    labels = [version.label for version in blocks[0].versions]
    choose = len(labels) > 2
    thumbs = "".join(
        f'<button type="button" aria-pressed="false"><img src="{data_uri(block.overview)}" alt="">'
        f"<span>{escape(block.name.rsplit('/', 1)[-1])}</span></button>"
        for block in blocks
        if block.overview is not None
    )
    picker = f'<div class="thumbs" role="group" aria-label="Image">{thumbs}</div>' if len(blocks) > 1 else ""
    swap = '<button type="button" data-swap>Swap</button>' if choose else ""
    zooms = "".join(
        f'<button type="button" value="{value}" aria-pressed="false">{text}</button>'
        for value, text in (("fit", "Fit"), ("1", "1×"), ("2", "2×"), ("4", "4×"))
    )
    controls = (
        (_select("left", labels, left) + swap + _select("right", labels, right) if choose else "")
        + f'<span class="buttons zoom" role="group" aria-label="Zoom">{zooms}</span>'
        + '<output aria-hidden="true"></output>'
    )
    return (
        f'<section class="viewer"{" data-smooth" if smooth else ""}><h2>Before and after</h2><p class="note">{note}</p>'
        "<noscript><p>The slider needs JavaScript; the crops below do not.</p></noscript>"
        f'{picker}<div class="bar">{controls}</div><div class="frame"><div class="pane">'
        '<img-comparison-slider role="slider" tabindex="0" aria-valuemin="0" aria-valuemax="100" aria-valuenow="50">'
        f'<img slot="first" data-side="left" data-label="{escape(left)}" alt="{escape(left)}">'
        f'<img slot="second" data-side="right" data-label="{escape(right)}" alt="{escape(right)}">'
        '</img-comparison-slider></div><span class="chip left" hidden></span><span class="chip right" hidden></span>'
        "</div></section>"
    )


def _select(side: str, labels: Sequence[str], chosen: str) -> str:
    options = "".join(
        f'<option value="{escape(label)}"{" selected" if label == chosen else ""}>{escape(label)}</option>'
        for label in labels
    )
    return f'<label>{side.capitalize()} side <select name="{side}">{options}</select></label>'


def image_block(block: ImageBlock, *, zoom: float = 2) -> str:
    """Crops of every version at the same position, which move together.

    The images are complete; a crop is a window on one of them, so that the slider needs no second copy.
    """
    height, width = block.size
    row, column = block.focus
    zoom = max(zoom, _TILE / min(height, width))
    tiles = "".join(_tile(block, version) for version in block.versions)
    buttons = "".join(
        f'<button type="button" data-zoom="{value}" aria-pressed="{"true" if value == zoom else "false"}">{value}×'
        "</button>"
        for value in (1, 2, 4, 8)
        if value >= zoom or value * min(height, width) >= _TILE
    )
    name = escape(block.name)
    return (
        f'<section class="image" data-name="{name}" aria-label="{name}"><header><div><h3>{name}</h3>'
        f'<p class="note">{escape(block.caption)}</p></div><span class="tools buttons">{buttons}'
        '<button type="button" data-home>Reset</button></span></header>'
        f'<div class="crops" tabindex="0" role="group" aria-label="Crops of {name}; drag, or use the arrow keys" '
        f'data-w="{width}" data-h="{height}" data-x="{column}" data-y="{row}" data-z="{zoom:g}" '
        f'style="--w:{width};--h:{height};--x:{column};--y:{row};--z:{zoom:g}">{tiles}</div></section>'
    )


def _tile(block: ImageBlock, version: Version) -> str:
    kind = "" if version.series is None else f' class="m{version.series % 8}"'
    score = f"<br><small>{escape(version.score)}</small>" if version.score else ""
    label = escape(version.label)
    return (
        f'<figure class="tile" data-label="{label}" data-score="{escape(version.score)}"><div class="window">'
        f'<img src="{data_uri(version.webp)}" alt="{escape(block.name)}: {label}" draggable="false"></div>'
        f"<figcaption><b{kind}>{label}</b>{score}</figcaption></figure>"
    )
