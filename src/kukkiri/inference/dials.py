"""Dials: weights between two shipped weight sets of one graph.

- ``vivid``: from the weights trained for fidelity (``plain-m-x4``) to those that were trained from them with a
  discriminator (``plain-m-vivid-x4``; for photographs ``plain-m-vivid-photo-x4``).
- ``denoise``: from the weights for clean images (``plain-m-x2``) to those for photographs (``plain-m-photo-x2``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from kukkiri import pretrained
from kukkiri.errors import ConfigError, ModelError
from kukkiri.inference.engine import OnnxEngine
from kukkiri.inference.families import (
    Domain,
    Family,
    GraphLoader,
    KnownDomain,
    choose_scales,
    list_members,
    load_shipped,
)
from kukkiri.inference.graph_interpolation import Toward

__all__ = ["Dial", "DialPlan", "WeightPair", "list_dials", "load_pairs", "plan_dial"]

Kind = Literal["vivid", "denoise"]
_END = re.compile(r"(.+?)(?:(-vivid)|(-line))?(-photo)?(-x\d+)?")


@dataclass(frozen=True)
class Dial:
    """A position between two weight sets.

    Raises:
        ConfigError: the position is not in [0, 1].
    """

    kind: Kind
    position: float
    """0: the first weight set; 1: the second."""

    def __post_init__(self) -> None:
        if not 0 <= self.position <= 1:
            raise ConfigError(f"{self.kind} must be a number from 0 to 1, got {self.position}.")

    @classmethod
    def when_asked(cls, *, vivid: float | None, denoise: float | None, weights: Domain) -> "Dial | None":
        """Read the options of an upscaler; ``None``: neither was given.

        Raises:
            ConfigError: a position outside [0, 1], or options that exclude one another.
        """
        if denoise is None:
            return None if vivid is None else cls("vivid", vivid)
        if vivid is not None:
            raise ConfigError("vivid and denoise both choose weights between two, of other pairs. Use one of them.")
        if weights != "auto":
            raise ConfigError(
                f"denoise {denoise:g} lies between clean and photo weights, but {weights} was asked. Drop one of them."
            )
        return cls("denoise", denoise)


class WeightPair(NamedTuple):
    """The ids of two weight sets of one graph."""

    first: str
    second: str | None
    """``None``: the first as it is."""


@dataclass(frozen=True)
class DialPlan:
    """The pairs of shipped models that lead to a scale, to be run one after the other."""

    scale: float
    pairs: tuple[WeightPair, ...]
    domain: KnownDomain | None
    """Degradation domain of the weights; ``None``: between the two."""
    has_photo: bool = False
    """There is a pair for photographs, too, and the domain was left open."""


def list_dials(family_name: str) -> list[Kind]:
    """List the dials that weights of a family are shipped for, at one scale at least."""
    marks: dict[Kind, str] = {"vivid": "-vivid", "denoise": "-photo"}
    return [kind for kind, mark in marks.items() if _pair(family_name, "", mark)]


def plan_dial(name: str, family_name: str, dial: Dial, *, scale: float | None, domain: Domain) -> DialPlan:
    """Choose the pairs of models that lead to a scale.

    With ``vivid`` every run lies between two weight sets; with ``denoise`` the first, whose result is clean.

    Args:
        name: that was asked for: a preset, a family, or one of its models, to whose scale the choice is then bound.
        family_name: the same, or that of the preset's family.
        dial: which pairs.
        scale: at least 1; by default the model's own, else 2.
        domain: of the weights that see the image; ``auto`` takes the clean ones where both are there.

    Raises:
        ModelError: no such pair is shipped, or a scale out of reach.
    """
    _refuse_end(name, family_name, dial)
    base, photo_only, own = _take_apart(family_name)
    family = Family(list_members(base), list_members(f"{base}-photo"))
    asked = float(own or 2 if scale is None else scale)
    if not family.clean and not family.photo:
        raise ModelError(
            f"{name}: {dial.kind} chooses weights between two shipped ones of a preset or family, and this is neither. "
            "For two files of your own: kukkiri export --interpolate."
        )
    if dial.kind == "denoise":
        pairs = _only(_pair(base, "", "-photo"), own)
        later = {each: WeightPair(model_id, None) for each, model_id in family.clean.items()}
        return DialPlan(asked, _chain(name, dial, "pair of clean and photo weights", pairs, later, asked), None)
    clean = _only(_pair(base, "", "-vivid"), own)
    photo = _only(_pair(base, "-photo", "-vivid-photo"), own)
    domain = "photo" if photo_only else domain
    first: dict[int, WeightPair] = {"auto": clean or photo, "clean": clean, "photo": photo, "line": {}}[domain]
    words = {"photo": "vivid weights for photographs", "line": "vivid weights for line art"}.get(
        domain, "vivid weights"
    )
    chain = _chain(name, dial, words, first, clean or first, asked)
    return DialPlan(
        asked, chain, "photo" if first is photo else "clean", has_photo=bool(domain == "auto" and clean and photo)
    )


def load_pairs(
    pairs: Sequence[WeightPair], position: float, *, load: GraphLoader = OnnxEngine
) -> tuple[OnnxEngine, ...]:
    """Load weights between those of each pair.

    Raises:
        ModelError: the two of a pair are not weight sets of one graph, or the pairs mix luma and RGB.
    """
    toward = {
        pair.first: Toward(pretrained.locate(pair.second, ".onnx"), position)
        for pair in pairs
        if pair.second is not None
    }
    return load_shipped([pair.first for pair in pairs], load=load, toward=toward)


def _refuse_end(name: str, family_name: str, dial: Dial) -> None:
    """Refuse weights that are an end of the dial themselves, or that no dial begins at."""
    match = _END.fullmatch(family_name)
    if match is None or not list_members(match[1]):
        return
    base, vivid, line, photo, size = (group or "" for group in match.groups())
    beginning = f"{base}{size}" if dial.kind == "denoise" else f"{base}{photo}{size}"
    if line:
        fault = f"has weights for line art, which {dial.kind} does not change"
    elif vivid if dial.kind == "vivid" else photo and not vivid:
        fault = f"has the weights at {dial.kind} 1"
    elif vivid:
        fault = f"has the weights at vivid 1, and {dial.kind} begins at those of vivid 0"
    else:
        return
    raise ModelError(f"{name}: {fault}. Name {beginning} for {dial.kind} {dial.position:g}, or drop {dial.kind}.")


def _take_apart(name: str) -> tuple[str, bool, int | None]:
    """Split ``plain-m-photo-x2`` into family, whether it is for photographs, and scale."""
    match = re.fullmatch(r"(.+?)(-photo)?(?:-x(\d+))?", name)
    if match is None:
        return name, False, None
    return match[1], match[2] is not None, None if match[3] is None else int(match[3])


def _pair(family_name: str, first_mark: str, second_mark: str) -> dict[int, WeightPair]:
    """The pairs of two of a family's weight sets by their scale."""
    first, second = list_members(family_name + first_mark), list_members(family_name + second_mark)
    return {scale: WeightPair(first[scale], second[scale]) for scale in sorted(first.keys() & second.keys())}


def _only(pairs: dict[int, WeightPair], scale: int | None) -> dict[int, WeightPair]:
    return pairs if scale is None else {each: pair for each, pair in pairs.items() if each == scale}


def _chain(
    name: str, dial: Dial, words: str, first: dict[int, WeightPair], later: dict[int, WeightPair], asked: float
) -> tuple[WeightPair, ...]:
    if not first:
        raise ModelError(f"{name}: no {words} for scale {asked:g} are shipped. Leave {dial.kind} out.")
    scales = choose_scales(sorted(later), asked, first=sorted(first))
    return tuple((later if place else first)[scale] for place, scale in enumerate(scales))
