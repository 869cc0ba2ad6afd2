"""Rendered images of known text: cards of several lines and sizes, and single lines."""

import functools
import html
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import BackendError, ConfigError, did_you_mean
from kukkiri.images.libvips import vips
from kukkiri.ocr.scripts import SCRIPTS, Font, Script

__all__ = ["SIZES", "TextImage", "find_font", "render_images", "render_text"]

Array = NDArray[Any]

SIZES = (16, 22, 32)
"""Heights of the em square in HR pixels, used in turn."""
_COLOURS = (
    ((0, 0, 0), (255, 255, 255)),
    ((20, 34, 84), (250, 246, 235)),
    ((70, 24, 20), (232, 232, 226)),
    ((40, 44, 48), (214, 226, 220)),
)  # ink and paper
_MULTIPLE = 12  # sides divide by 2, 3 and 4, so that every scale starts from the same image
_MARGIN = 24
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "/Library/Fonts")


@dataclass(frozen=True)
class TextImage:
    """An image and its text."""

    name: str
    script: str
    """A key of ``SCRIPTS``."""
    kind: Literal["card", "line"]
    size: int
    """Height of the em square of its ordinary text, in HR pixels."""
    truth: str
    """Lines from top to bottom."""
    hr: Array
    """(H, W, 3), uint8; sides are multiples of 12."""


def render_images(*, scripts: Iterable[str] = tuple(SCRIPTS), count: int = 12, seed: int = 0) -> list[TextImage]:
    """Render the set: of each script ``count`` images, two lines and one card in turn.

    Args:
        scripts: keys of ``SCRIPTS``.
        count: images of each script.
        seed: the same seed, fonts and libvips give the same images. An image does not depend on ``count`` or on the
            other scripts.

    Raises:
        ConfigError: an unknown script, none, fewer than one image, or a negative seed.
        BackendError: a font is missing, or libvips cannot render text.
    """
    asked = list(scripts)
    unknown = [name for name in asked if name not in SCRIPTS]
    if unknown or not asked:
        problem = f"unknown script {unknown[0]!r}" if unknown else "no script was given"
        raise ConfigError(f"{problem}{did_you_mean(unknown[0] if unknown else '', SCRIPTS)}")
    if count < 1:
        raise ConfigError(f"count must be at least 1 image of each script, got {count}.")
    if seed < 0:
        raise ConfigError(f"seed must not be negative, got {seed}.")
    return [_render(name, index, seed=seed) for name in SCRIPTS if name in asked for index in range(count)]


def render_text(text: str, *, font: Path, family: str, size: int) -> Array:
    """Render one line with Pango.

    Args:
        text: plain text, no markup.
        font: file.
        family: the family in the file.
        size: height of the em square in pixels.

    Returns:
        (H, W), uint8: coverage of each pixel by ink, cut to the bounding box.

    Raises:
        BackendError: libvips cannot render text.
    """
    if not vips().type_find("VipsOperation", "text"):
        raise BackendError("this libvips was built without Pango and cannot render text. Use pyvips[binary].")
    rendered = vips().Image.text(html.escape(text, quote=False), font=f"{family} {size}", fontfile=str(font), dpi=72)
    return np.asarray(rendered.numpy(), dtype=np.uint8)


@functools.cache
def find_font(font: Font) -> Path:
    """Find the file of a font in the font folders of the system and of the user, and in those of ``KUKKIRI_FONTS``.

    Raises:
        BackendError: it is not installed.
    """
    folders = [*filter(None, os.environ.get("KUKKIRI_FONTS", "").split(os.pathsep)), *_FOLDERS]
    for folder in folders:
        for path in sorted(Path(folder).expanduser().rglob(font.file)):
            return path
    raise BackendError(
        f"the font {font.file} is not installed. Install it (Debian: apt-get install {font.package}), or name its "
        "folder in KUKKIRI_FONTS."
    )


def _render(name: str, index: int, *, seed: int) -> TextImage:
    script, key = SCRIPTS[name], [seed, list(SCRIPTS).index(name)]
    kind: Literal["card", "line"] = "card" if index % 3 == 2 else "line"
    number = index // 3 if kind == "card" else index - index // 3  # among those of its kind
    size = SIZES[number % len(SIZES)]
    rng = np.random.default_rng([*key, index])
    shuffle = np.random.default_rng(key)
    if kind == "card":
        lines = _card(script, number, size=size, shuffle=shuffle, rng=rng)
    else:
        lines = [(_pick(script.sentences, number, shuffle), size, 0)]
    ink, paper = _COLOURS[int(rng.integers(len(_COLOURS)))]
    font = script.fonts[int(rng.integers(len(script.fonts)))]
    path = find_font(font)
    rendered = [(render_text(text, font=path, family=font.family, size=height), gap) for text, height, gap in lines]
    coverage = _compose(rendered, offset=tuple(int(shift) for shift in rng.integers(0, _MULTIPLE, size=2)))
    mixed = coverage[..., None] / 255.0 * (np.array(ink) - np.array(paper)) + np.array(paper)
    truth = "\n".join(text for text, _, _ in lines)
    return TextImage(f"{name}-{index:02d}", name, kind, size, truth, np.floor(mixed + 0.5).astype(np.uint8))


def _card(
    script: Script, number: int, *, size: int, shuffle: np.random.Generator, rng: np.random.Generator
) -> list[tuple[str, int, int]]:
    """Lines of a card: text, size, and the gap above, in pixels."""
    company, person, title, address = (
        _pick(choices, number, shuffle)
        for choices in (script.companies, script.people, script.titles, script.addresses)
    )
    return [
        (company, round(1.25 * size), 0),
        (person, round(1.5 * size), round(1.2 * size)),
        (title, size, round(0.6 * size)),
        *(
            (_digits(text, rng), size, round((0.6 if row else 1.2) * size))
            for row, text in enumerate((address, *script.contacts))
        ),
    ]


def _pick(choices: Sequence[str], number: int, shuffle: np.random.Generator) -> str:
    """Item ``number`` of a random permutation, repeated: each item is used once before any is used again."""
    return choices[int(shuffle.permutation(len(choices))[number % len(choices)])]


def _digits(text: str, rng: np.random.Generator) -> str:
    return "".join(str(rng.integers(1, 10)) if character == "#" else character for character in text)


def _compose(lines: Sequence[tuple[Array, int]], *, offset: tuple[int, ...]) -> Array:
    """Stack the lines, left-aligned, at an offset from the sampling grid; (H, W), uint8."""
    height = sum(line.shape[0] + gap for line, gap in lines) + 2 * _MARGIN + offset[0]
    width = max(line.shape[1] for line, _ in lines) + 2 * _MARGIN + offset[1]
    page = np.zeros((height + -height % _MULTIPLE, width + -width % _MULTIPLE), dtype=np.uint8)
    top, left = _MARGIN + offset[0], _MARGIN + offset[1]
    for line, gap in lines:
        top += gap
        page[top : top + line.shape[0], left : left + line.shape[1]] = line
        top += line.shape[0]
    return page
