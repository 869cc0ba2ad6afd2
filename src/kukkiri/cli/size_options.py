"""The options of ``kukkiri upscale`` for the size of the result."""

import re
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from kukkiri.cli.parameters import UsageError
from kukkiri.errors import ConfigError
from kukkiri.inference import TargetSize
from kukkiri.inference.options import SizeKeywords
from kukkiri.inference.sizes import MM_PER_INCH

__all__ = ["DEFAULT_SIZE", "SizeOptions"]

_BOX = re.compile(r"(\d+) ?[x*\N{MULTIPLICATION SIGN}] ?(\d+)", re.IGNORECASE)
_PAPER = re.compile(r"(\d+(?:\.\d+)?) ?[x*\N{MULTIPLICATION SIGN}] ?(\d+(?:\.\d+)?) ?(mm|cm|in|inch|\")", re.IGNORECASE)
_UNITS = {"mm": 1.0, "cm": 10.0}


@Parameter(name="*", group=Group("Size", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class SizeOptions:
    """The size of the result."""

    scale: Annotated[float | None, Parameter(alias="-s")] = None
    """output pixels for one input pixel along a side, any number from 1; the model's own, or 2, when not given."""
    width: int | None = None
    """pixels of the result, instead of a scale; the height follows."""
    height: int | None = None
    """pixels of the result; the width follows."""
    fit: str | None = None
    """WxH, such as 3840x2160: the largest result in this box, in pixels."""
    short_side: int | None = None
    """pixels of the result's shorter side."""
    megapixels: float | None = None
    """millions of pixels of the result."""
    print_size: Annotated[str | None, Parameter(name="--print")] = None
    """WxH of the paper, such as 100x150mm, 10x15cm or 4x6in, turned as the image is; with --dpi."""
    dpi: float | None = None
    """pixels per inch of the print, 300 when not given; the result's metadata say it, too."""
    stretch: bool = False
    """change the aspect to meet --width and --height."""
    wrap: bool = False
    """the images are seamless textures: margins come from the other side, and tiles of the result join."""

    def keywords(self) -> SizeKeywords:
        """The keywords of an upscaler beside ``scale`` and ``wrap``.

        Raises:
            UsageError: options that exclude one another, or a number that cannot be read.
        """
        options: SizeKeywords = {
            "width": self.width,
            "height": self.height,
            "fit": None if self.fit is None else _read_box(self.fit),
            "short_side": self.short_side,
            "megapixels": self.megapixels,
            "print_size": None if self.print_size is None else _read_paper(self.print_size),
            "dpi": self.dpi,
            "stretch": self.stretch,
        }
        self._check()
        try:
            TargetSize.when_asked(**options)
        except ConfigError as error:
            raise UsageError(str(error)) from error
        return options

    def _check(self) -> None:
        both = self.width is not None and self.height is not None
        given = {
            "--scale": self.scale is not None,
            "--width and --height": both,
            "--width": self.width is not None and not both,
            "--height": self.height is not None and not both,
            "--fit": self.fit is not None,
            "--short-side": self.short_side is not None,
            "--megapixels": self.megapixels is not None,
            "--print": self.print_size is not None,
        }
        asked = [name for name, is_given in given.items() if is_given]
        if len(asked) > 1:
            raise UsageError(f"{' and '.join(asked)} each say how large the result is. Use one of them.")
        if self.dpi is not None and self.print_size is None:
            raise UsageError(
                "--dpi needs the size of the print. Add it, such as --print 100x150mm, or ask for pixels with --width."
            )
        if self.stretch and not both:
            raise UsageError("--stretch changes the aspect to meet --width and --height. Give both.")


DEFAULT_SIZE = SizeOptions()


def _read_box(text: str) -> tuple[int, int]:
    match = _BOX.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"--fit takes width x height in pixels, such as 3840x2160, got {text!r}.")
    return int(match[1]), int(match[2])


def _read_paper(text: str) -> tuple[float, float]:
    """(width, height) in mm."""
    match = _PAPER.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"--print takes the size of the paper with its unit, such as 100x150mm, 10x15cm or 4x6in, got {text!r}."
        )
    unit = _UNITS.get(match[3].lower(), MM_PER_INCH)
    return float(match[1]) * unit, float(match[2]) * unit
