"""Names of results by a template such as ``{stem}@{scale}x``, and the way back from a name to its source's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter

from kukkiri.errors import ConfigError, did_you_mean

__all__ = ["FIELDS", "NameParts", "NameTemplate"]

FIELDS = ("stem", "scale", "model", "width", "height", "suffix")
"""Fields of a template: the source's name without its suffix, the scale, the model that was asked for, the result's
sides in pixels, and its suffix with the dot."""

_PATTERNS = {
    "scale": r"\d+(?:\.\d+)?",
    "width": r"\d+",
    "height": r"\d+",
    "model": ".+",
    "suffix": r"\.\w+",
}
_SPECIFICATION = re.compile(r"[0<>^ .,_\dsdfg]{0,5}")
_WORD = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class NameParts:
    """The parts of a name that a template made."""

    stem: str
    scale: float | None = None
    size: tuple[int, int] | None = None
    """(height, width), when the name tells both."""


class NameTemplate:
    """A checked template for the names of results."""

    def __init__(self, text: str) -> None:
        """Check a template.

        Args:
            text: fields in braces, ``{{`` for a brace; numbers take a format, ``{width:05d}``. The suffix is added
                when the template does not hold ``{suffix}``.

        Raises:
            ConfigError: an unknown field, a path, or no name at all.
        """
        self.text = text
        if not text or any(letter in text for letter in "/\\\0"):
            raise ConfigError(f"a name template is a file name without folders, got {text!r}. Name the folder with -o.")
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            raise ConfigError(f"name template {text!r}: {error}. Write {{{{ for a brace.") from error
        for _, field, specification, conversion in parts:
            if field is None:
                continue
            if field not in FIELDS:
                raise ConfigError(f"name template {text!r}: unknown field {field!r}{did_you_mean(field, FIELDS)}")
            if conversion or not _SPECIFICATION.fullmatch(specification or ""):
                raise ConfigError(f"name template {text!r}: {field} cannot be formatted so. Drop what follows {field}.")
        self.fields = frozenset(field for _, field, _, _ in parts if field is not None)
        self._parts = parts
        self._patterns = [re.compile(self._pattern(stem), re.DOTALL) for stem in ("(?P<stem>.+)", "(?P<stem>.+?)")]

    def fill(self, *, stem: str, scale: float, model: str, size: tuple[int, int] | None, suffix: str) -> str:
        """Make a file name.

        Args:
            stem: name of the source without its suffix.
            scale: of the result.
            model: a name or the path of a file, of which the stem is taken.
            size: (height, width) of the result; may be ``None`` when the template does not ask for it.
            suffix: of the result, with the dot.

        Raises:
            ConfigError: a format does not fit its value, or the name is empty or would lie in another folder.
        """
        height, width = size or (0, 0)
        values = {
            "stem": stem,
            "scale": _Scale(scale),
            "model": _WORD.sub("-", model),
            "width": width,
            "height": height,
            "suffix": suffix,
        }
        try:
            name = self.text.format(**values)
        except ValueError as error:
            raise ConfigError(f"name template {self.text!r}: {error}.") from error
        if "suffix" not in self.fields:
            name += suffix
        if any(letter in name for letter in "/\\\0") or not name.removesuffix(suffix).strip():
            raise ConfigError(f"name template {self.text!r} gives {name!r}, which is no name for a result.")
        return name

    def read(self, name: str) -> Iterator[NameParts]:
        """Yield the parts that a file's name without its suffix may have been made of; none for another's name."""
        for pattern in self._patterns:
            match = pattern.fullmatch(name)
            if match:
                found = match.groupdict()
                size = (int(found["height"]), int(found["width"])) if {"height", "width"} <= found.keys() else None
                scale = float(found["scale"]) if "scale" in found else None
                yield NameParts(found["stem"], scale, size)

    def _pattern(self, stem: str) -> str:
        seen: set[str] = set()
        pattern = ""
        for literal, field, _, _ in self._parts:
            pattern += re.escape(literal)
            if field is None or field == "suffix":
                continue
            if field in seen:
                pattern += f"(?P={field})"
            else:
                pattern += stem if field == "stem" else f"(?P<{field}>{_PATTERNS[field]})"
            seen.add(field)
        return pattern if "stem" in seen else "(?!)"


class _Scale(float):
    """A number whose plain text has no superfluous zeros: 2, 3.5."""

    def __format__(self, specification: str) -> str:
        return format(float(self), specification or "g")
