"""The text form of a degradation: steps in their order, joined by ``+``.

::

    degradation = preset | step { "+" step }
    preset      = "bicubic" | "bd" | "dn"
    step        = name [ ":" argument { "," argument } ]
    argument    = number | word | key "=" value

Paths keep their letters, digits and ``/ \\ : . ~ - _`` and blanks; other characters are percent-encoded
when written (``+`` is ``%2B``), and may be when read. docs/reference/degradations.md lists the steps.
"""

import difflib
import math
from typing import Any, get_args
from urllib.parse import unquote

from kukkiri.degradations.linear import Subsampling
from kukkiri.degradations.steps import (
    BLURS,
    Blur,
    Jpeg,
    Noise,
    Poisson,
    RealPhoto,
    Resize,
    Round,
    SavedPhoto,
    Step,
    Subsample,
)
from kukkiri.errors import ConfigError

__all__ = ["PRESETS", "parse_steps", "write_steps"]

PRESETS: dict[str, tuple[Step, ...]] = {
    "bicubic": (Subsample("bicubic"),),
    "bd": (Blur("gaussian-sigma", (1.6,), size=7, border="replicate"), Round(), Subsample("nearest")),
    "dn": (Subsample("bicubic"), Round(), Noise(30 / 255)),
}
"""The degradations that the literature calls BI, BD (meant for scale 3) and DN."""
_NAMES = (*PRESETS, *BLURS, *get_args(Subsampling), "resize", "noise", "poisson", "jpeg", "8bit", "photo", "real")


def parse_steps(text: str) -> tuple[Step, ...]:
    """The steps of a text form.

    Raises:
        ConfigError: the text is not one.
    """
    if text.strip() in PRESETS:
        return PRESETS[text.strip()]
    return tuple(_parse_step(part.strip()) for part in text.split("+"))


def write_steps(steps: tuple[Step, ...]) -> str:
    """The text form of steps; a preset is called by its name."""
    for name, preset in PRESETS.items():
        if steps == preset:
            return name
    return "+".join(map(str, steps))


def _parse_step(text: str) -> Step:
    name, _, rest = text.partition(":")
    if name == "file":
        return _parse_file(rest)
    values, words, options = _arguments(rest, text)
    if name in BLURS:
        size, rows, border = (options.pop(key, None) for key in ("size", "rows", "border"))
        _nothing_left(text, words, options)
        keywords: dict[str, Any] = {} if border is None else {"border": border}
        return Blur(name, values, size=_integer(size, text), rows=_integer(rows, text), **keywords)
    _nothing_left(text, [], options)
    return _parse_plain(name, values, words, text)


def _parse_plain(name: str, values: tuple[float, ...], words: list[str], text: str) -> Step:
    flag = words == ["grey"]
    match name, values, words:
        case (("direct" | "nearest" | "bilinear" | "bicubic" | "lanczos"), (), ([] | ["aligned"])):
            return Subsample(name, aligned=bool(words))
        case "resize", (factor,), _ if len(words) <= 2:
            aliased = "aliased" in words
            methods = [word for word in words if word != "aliased"]
            if len(methods) <= 1:
                return Resize(factor, methods[0] if methods else "bicubic", antialias=not aliased)
        case "noise", (std,), _ if flag or not words:
            return Noise(std, grey=flag)
        case "poisson", (peak,), _ if flag or not words:
            return Poisson(peak, grey=flag)
        case "jpeg", (quality,), [] if quality == int(quality):
            return Jpeg(int(quality))
        case "jpeg", (quality, chroma), [] if quality == int(quality) and chroma == int(chroma):
            return Jpeg(int(quality), int(chroma))
        case "8bit", (), []:
            return Round()
        case "photo", (), []:
            return SavedPhoto()
        case "real", (), []:
            return RealPhoto()
        case "real", (orders,), [] if orders == int(orders):
            return RealPhoto(int(orders))
    if name in ("bd", "dn"):
        raise ConfigError(f"{name!r} is a whole degradation, so it stands alone, not in {text!r} with other steps.")
    if name in _NAMES:
        raise ConfigError(f"cannot read {text!r}: {name} takes {_USAGE.get(name, 'no arguments')}.")
    close = difflib.get_close_matches(name, _NAMES, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise ConfigError(f"unknown degradation step {name!r}{hint} Known: {', '.join(_NAMES)}.")


_USAGE = {
    "direct": "nothing, or ':aligned'",
    "resize": "FACTOR[,nearest|bilinear|bicubic|lanczos][,aliased]",
    "noise": "STD[,grey] with STD in [0, 1]",
    "poisson": "PHOTONS[,grey]",
    "jpeg": "a whole quality from 1 to 100, and perhaps the chroma: QUALITY[,420|444]",
    "real": "nothing, or the order 1 or 2",
}


def _parse_file(rest: str) -> Blur:
    path, *options = rest.split(",")
    _, words, keys = _arguments(",".join(options), f"file:{rest}")
    border = keys.pop("border", "symmetric")
    _nothing_left(f"file:{rest}", words, keys)
    if not path:
        raise ConfigError("'file' names no kernel. Write file:PATH.")
    return Blur("file", path=unquote(path), border=border)  # type: ignore[arg-type]


def _arguments(rest: str, text: str) -> tuple[tuple[float, ...], list[str], dict[str, str]]:
    """Numbers, words and key=value pairs."""
    values, words, options = [], [], {}
    for part in (part.strip() for part in rest.split(",") if rest):
        key, equals, value = part.partition("=")
        if equals:
            options[key] = value
            continue
        try:
            values.append(float(part))
        except ValueError:
            words.append(part)
    if not all(map(math.isfinite, values)):
        raise ConfigError(f"cannot read {text!r}: its numbers must be finite.")
    return tuple(values), words, options


def _integer(value: str | None, text: str) -> int | None:
    if value is None:
        return None
    try:
        return int(value)
    except ValueError:
        raise ConfigError(f"cannot read {text!r}: {value!r} is not a whole number.") from None


def _nothing_left(text: str, words: list[str], options: dict[str, str]) -> None:
    if words or options:
        left = ", ".join(repr(word) for word in (*words, *options))
        raise ConfigError(f"cannot read {text!r}: {left} means nothing there.")
