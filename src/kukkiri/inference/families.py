"""Families of shipped models: one network at several scales, for clean images, photographs and line art.

A family has weights of up to three degradation domains: ``family-x2`` for clean images, ``family-photo-x2`` for
photographs that were compressed, ``family-line-x2`` for line art, text, screenshots and pixel art.
"""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kukkiri import pretrained
from kukkiri.errors import ModelError
from kukkiri.inference.engine import OnnxEngine
from kukkiri.inference.graph_interpolation import Toward

__all__ = [
    "Domain",
    "Family",
    "FamilyPlan",
    "GraphLoader",
    "KnownDomain",
    "choose_scales",
    "list_members",
    "load_shipped",
]

GraphLoader = Callable[..., OnnxEngine]
""":class:`OnnxEngine` with the keywords that say how and where a graph runs."""
KnownDomain = Literal["clean", "photo", "line"]
"""Degradation domain that weights were trained for."""
Domain = Literal["auto", "clean", "photo", "line"]
"""Degradation domain that is asked for; ``auto`` leaves the choice to each image."""
_MARKED = re.compile(r"(.+?)-(photo|line)((?:-x\d+)?)")
_LONGEST = 8


@dataclass(frozen=True)
class FamilyPlan:
    """The shipped models that lead to a scale, by their ids, to be run one after the other."""

    scale: float
    ids: tuple[str, ...]
    domain: KnownDomain
    has_photo: bool = False
    """Weights for photographs are shipped, too, and the domain was left open."""
    has_line: bool = False
    """Weights for line art are shipped, too, that reach the scale in no more runs, and the domain was left open."""


@dataclass(frozen=True)
class Family:
    """The shipped models of a family by their scale; some of the degradation domains may be empty."""

    clean: dict[int, str]
    photo: dict[int, str]
    line: dict[int, str] = field(default_factory=dict)
    only: Literal["photo", "line"] | None = None
    """The degradation domain whose weights were asked for by name."""

    @classmethod
    def find(cls, name: str) -> "Family | None":
        """Find the family that ``espcn``, ``espcn-photo``, ``espcn-photo-x2`` or ``espcn-line`` names."""
        marked = _MARKED.fullmatch(name)
        base = marked[1] if marked else name
        clean, photo, line = (list_members(f"{base}{mark}") for mark in ("", "-photo", "-line"))
        if marked is None:
            return cls(clean, photo, line) if clean or photo or line else None
        only: Literal["photo", "line"] = "photo" if marked[2] == "photo" else "line"
        members = photo if only == "photo" else line
        asked = {scale: model_id for scale, model_id in members.items() if marked[3] in ("", f"-x{scale}")}
        if not asked:
            return None
        return cls(clean, asked, only=only) if only == "photo" else cls(clean, {}, asked, only=only)

    def plan(self, name: str, *, scale: float | None, domain: Domain) -> FamilyPlan:
        """Choose the models that lead to a scale; what follows a model for photographs is a clean one.

        What follows a model for line art is another one where the scale has one, else a clean one.

        Args:
            name: that was asked for; with ``-x2`` at its end it gives the default scale.
            scale: at least 1; by default that of the name, else 2.
            domain: of the weights that see the image.

        Raises:
            ModelError: no weights of that domain, or a scale out of reach.
        """
        if self.only is not None:
            if domain not in ("auto", self.only):
                words = {"photo": "photographs", "line": "line art"}[self.only]
                raise ModelError(f"{name}: is for {words}, but the {domain} weights were asked. Name the family only.")
            domain = self.only
        known: dict[KnownDomain, dict[int, str]] = {"clean": self.clean, "photo": self.photo, "line": self.line}
        own_domain = domain
        if own_domain == "auto":
            own_domain = "clean" if self.clean else "photo" if self.photo else "line"
        first = known[own_domain]
        if not first:
            raise ModelError(
                f"{name}: no weights for the degradation domain {domain} are shipped. Leave --weights out."
            )
        own = next((scale for scale, model_id in first.items() if model_id == name), 2)
        asked = float(own if scale is None else scale)
        drawn = {**self.clean, **self.line}
        ids = _chain(first, drawn if own_domain == "line" else self.clean or first, asked)
        if domain != "auto" or not self.clean:
            return FamilyPlan(asked, ids, own_domain)
        photo = self.photo and _chain(self.photo, self.clean, asked)
        line = self.line and _chain(self.line, drawn, asked)
        return FamilyPlan(asked, ids, own_domain, has_photo=bool(photo), has_line=0 < len(line) <= len(ids))


def load_shipped(
    ids: Sequence[str], *, load: GraphLoader = OnnxEngine, toward: Mapping[str, Toward] | None = None
) -> tuple[OnnxEngine, ...]:
    """Load the engines of shipped models, to be run one after the other.

    Args:
        ids: the models.
        load: opens a graph; its keyword is ``toward``.
        toward: by id, the files towards whose weights those of the models are interpolated.

    Raises:
        ModelError: one is not shipped, they mix luma and RGB, or cannot be interpolated.
    """
    toward = toward or {}
    loaded = {name: load(pretrained.locate(name, ".onnx"), toward=toward.get(name)) for name in sorted(set(ids))}
    if len({engine.info.colour for engine in loaded.values()}) > 1:
        raise ModelError(f"{', '.join(ids)}: these mix luma and RGB, which cannot follow one another.")
    return tuple(loaded[name] for name in ids)


def choose_scales(available: Sequence[int], asked: float, *, first: Sequence[int] = ()) -> list[int]:
    """Choose the scales of the networks to run one after the other to reach ``asked`` or more.

    The fewest runs; among them the smallest product; the smaller scales first, which is cheapest. So with 2, 3
    and 4 there are: 2.5 by x3, 4 by x4, 5 and 6 by x2 x3, 8 by x2 x4.

    Args:
        available: scales above 1.
        asked: at least 1; 1 needs no network.
        first: scales that the first run may have; by default the available ones.

    Raises:
        ModelError: more than eight runs would be needed.
    """
    if asked <= 1:
        return []
    beginnings = sorted(first or available)
    for count in range(1, _LONGEST + 1):
        if beginnings[-1] * max(available) ** (count - 1) < asked:
            continue
        later = list(itertools.combinations_with_replacement(sorted(available), count - 1))
        chains = ((beginning, *rest) for beginning in beginnings for rest in later)
        return list(min((chain for chain in chains if math.prod(chain) >= asked), key=math.prod))
    raise ModelError(f"scale {asked:g} is out of reach: {_LONGEST} runs of x{max(available)} are the limit.")


def _chain(first: dict[int, str], later: dict[int, str], asked: float) -> tuple[str, ...]:
    """Ids of the models: the first sees the image, the others its result."""
    scales = choose_scales(sorted(later), asked, first=sorted(first))
    return tuple((later if place else first)[scale] for place, scale in enumerate(scales))


def list_members(family: str) -> dict[int, str]:
    """List the shipped models ``family-x2``, ``family-x3``, ... by their scale."""
    found = {}
    for model_id in pretrained.list_models():
        match = re.fullmatch(rf"{re.escape(family)}-x(\d+)", model_id)
        if match:
            found[int(match[1])] = model_id
    return found
