"""The size that a result shall have: sides, a box, megapixels or a print, resolved for each image to whole pixels."""

import dataclasses
import math
from dataclasses import dataclass, fields
from typing import Unpack

from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.images import exif as exif_block
from kukkiri.inference.options import SizeKeywords

__all__ = ["MM_PER_INCH", "TargetSize"]

MM_PER_INCH = 25.4
_LARGEST = 2**31 - 1

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class TargetSize:
    """A size that results shall have, for images of any size.

    Raises:
        ConfigError: nothing or several sizes, a number out of range, or an option without the one that it needs.
    """

    width: int | None = None
    """Pixels; alone it keeps the aspect."""
    height: int | None = None
    """Pixels; alone it keeps the aspect."""
    fit: tuple[int, int] | None = None
    """(width, height) of a box in pixels: the largest result of the image's aspect in it."""
    short_side: int | None = None
    """Pixels of the shorter side."""
    megapixels: float | None = None
    """Millions of pixels, as near as whole sides of the image's aspect come."""
    print_size: tuple[float, float] | None = None
    """(width, height) of the paper in mm, turned as the image is: the largest print on it."""
    dpi: float | None = None
    """Pixels per inch of the print; 300 when not given."""
    stretch: bool = False
    """Change the aspect to meet ``width`` and ``height``."""

    def __post_init__(self) -> None:
        kinds = {
            "width and height": self.width is not None or self.height is not None,
            "fit": self.fit is not None,
            "short side": self.short_side is not None,
            "megapixels": self.megapixels is not None,
            "print": self.print_size is not None,
        }
        asked = [kind for kind, given in kinds.items() if given]
        if len(asked) > 1:
            raise ConfigError(f"{' and '.join(asked)} each say how large the result is. Use one of them.")
        if self.dpi is not None and self.print_size is None:
            raise ConfigError("dpi needs the size of the print in mm. Add it, such as 100x150mm, or ask for pixels.")
        if self.stretch and (self.width is None or self.height is None):
            raise ConfigError("stretch needs both width and height. Drop it, or give both.")
        if not asked:
            raise ConfigError("no size was asked for. Give a width, a height, a box to fit, or a scale.")
        for field in fields(self):
            self._check(field.name)

    def _check(self, name: str) -> None:
        value = getattr(self, name)
        if value is None or isinstance(value, bool):
            return
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if not (math.isfinite(number) and 0 < number <= _LARGEST):
                raise ConfigError(f"{name.replace('_', ' ')} must be positive, got {number:g}.")
        if isinstance(value, tuple) and len(value) != 2:
            raise ConfigError(f"{name.replace('_', ' ')} takes two numbers, width and height, got {len(value)}.")

    @classmethod
    def when_asked(cls, **options: Unpack[SizeKeywords]) -> "TargetSize | None":
        """Make a target size; ``None`` when no option asks for anything."""
        asked = any(value is not None and value is not False for value in options.values())
        return cls(**options) if asked else None

    def resolve(self, size: Size) -> Size:
        """Compute the size of the result of an image.

        Args:
            size: (height, width) of the image.

        Returns:
            (height, width), each at least 1; sides that no option fixes are rounded half up.

        Raises:
            ConfigError: width and height are both given and do not have the image's aspect.
        """
        height, width = size
        if self.width is not None and self.height is not None:
            if not self.stretch:
                self._check_aspect(size, self.width, self.height)
            return self.height, self.width
        if self.width is not None:
            return _rounded(height * self.width, width), self.width
        if self.height is not None:
            return self.height, _rounded(width * self.height, height)
        if self.short_side is not None:
            short = min(height, width)
            return _rounded(height * self.short_side, short), _rounded(width * self.short_side, short)
        if self.megapixels is not None:
            factor = math.sqrt(self.megapixels * 1e6 / (height * width))
            return max(1, math.floor(height * factor + 0.5)), max(1, math.floor(width * factor + 0.5))
        return _fit(size, self._box(size))

    def find_factor(self, size: Size) -> int:
        """Find the smallest whole scale at which both sides of an image's result are reached; 1 to downscale."""
        target = self.resolve(size)
        return max(-(-target[0] // size[0]), -(-target[1] // size[1]))

    @property
    def resolution(self) -> float | None:
        """Pixels per inch of a print; ``None`` for other sizes."""
        return None if self.print_size is None else self.dpi or 300.0

    def describe(self, image: Image, size: Size) -> Image:
        """Note what the user should know about the size, and let the metadata say the resolution of a print.

        Args:
            image: to be upscaled.
            size: (height, width) of its result, as :meth:`resolve` gives it.
        """
        notes = list(image.notes)
        if size[0] < image.size[0] or size[1] < image.size[1]:
            notes.append(f"the image is larger, {image.size[1]}x{image.size[0]}, and was only downscaled")
        metadata, resolution = image.metadata, self.resolution
        if resolution is not None:
            height, width = (side / resolution * MM_PER_INCH for side in size)
            notes.append(f"at {resolution:g} pixels per inch it is {width:.1f} x {height:.1f} mm")
            both = (resolution, resolution)
            exif = metadata.exif and exif_block.settle_resolution(metadata.exif, both)
            metadata = dataclasses.replace(metadata, exif=exif, resolution=both)
        return dataclasses.replace(image, metadata=metadata, notes=tuple(notes))

    def _box(self, size: Size) -> tuple[int, int]:
        """(width, height) in pixels that the result lies in."""
        if self.fit is not None:
            return self.fit
        across, down = self.print_size or (0.0, 0.0)
        if (across > down) != (size[1] > size[0]) and size[0] != size[1]:
            across, down = down, across
        resolution = self.resolution or 0.0
        box = [max(1, math.floor(side / MM_PER_INCH * resolution + 0.5)) for side in (across, down)]
        return box[0], box[1]

    def _check_aspect(self, size: Size, width: int, height: int) -> None:
        kept_height, kept_width = _rounded(size[0] * width, size[1]), _rounded(size[1] * height, size[0])
        if abs(kept_height - height) <= 1 or abs(kept_width - width) <= 1:
            return
        raise ConfigError(
            f"{width}x{height} has another aspect than the image of {size[1]}x{size[0]}, which gives "
            f"{width}x{kept_height} or {kept_width}x{height}. Give only one side, --fit {width}x{height}, or --stretch."
        )


def _fit(size: Size, box: tuple[int, int]) -> Size:
    """The largest size of an aspect in a box of (width, height), one side of which it meets."""
    height, width = size
    if box[0] * height <= box[1] * width:
        return min(box[1], _rounded(height * box[0], width)), box[0]
    return box[1], min(box[0], _rounded(width * box[1], height))


def _rounded(product: int, divisor: int) -> int:
    """A quotient of whole numbers, rounded half up, at least 1."""
    return max(1, (2 * product + divisor) // (2 * divisor))
