"""Families of shipped models: one network at several scales, for clean images and for photographs.

A family has weights of up to two degradation domains: ``family-x2`` for clean images, ``family-photo-x2`` for
photographs that were compressed.
"""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kukkiri import pretrained
from kukkiri.errors import ModelError
from kukkiri.inference.engine import OnnxEngine
from kukkiri.inference.graph_interpolation import Toward

__all__ = ["Domain", "Family", "FamilyPlan", "GraphLoader", "choose_scales", "list_members", "load_shipped"]

GraphLoader = Callable[..., OnnxEngine]
""":class:`OnnxEngine` with the keywords that say how and where a graph runs."""
Domain = Literal["auto", "clean", "photo"]
"""Degradation domain of weights; ``auto`` leaves the choice to each image."""
_LONGEST = 8


@dataclass(frozen=True)
class FamilyPlan:
    """The shipped models that lead to a scale, by their ids, to be run one after the other."""

    scale: float
    ids: tuple[str, ...]
    domain: Literal["clean", "photo"]
    has_photo: bool = False
    """Weights for photographs are shipped, too, and the domain was left open."""


@dataclass(frozen=True)
class Family:
    """The shipped models of a family by their scale; one of the two degradation domains may be empty."""

    clean: dict[int, str]
    photo: dict[int, str]
    only_photo: bool = False
    """The weights for photographs were asked for by name."""

    @classmethod
    def find(cls, name: str) -> "Family | None":
        """Find the family that ``espcn``, ``espcn-photo`` or ``espcn-photo-x2`` names."""
        base, marked, suffix = name.partition("-photo")
        clean, photo = list_members(base), list_members(f"{base}-photo")
        if not marked:
            return cls(clean, photo) if clean or photo else None
        asked = {scale: model_id for scale, model_id in photo.items() if suffix in ("", f"-x{scale}")}
        return cls(clean, asked, only_photo=True) if asked else None

    def plan(self, name: str, *, scale: float | None, domain: Domain) -> FamilyPlan:
        """Choose the models that lead to a scale; what follows a model for photographs is a clean one.

        Args:
            name: that was asked for; with ``-x2`` at its end it gives the default scale.
            scale: at least 1; by default that of the name, else 2.
            domain: of the weights that see the image.

        Raises:
            ModelError: no weights of that domain, or a scale out of reach.
        """
        if self.only_photo:
            if domain == "clean":
                raise ModelError(f"{name}: is for photographs, but the clean weights were asked. Name the family only.")
            domain = "photo"
        first = {"auto": self.clean or self.photo, "clean": self.clean, "photo": self.photo}[domain]
        if not first:
            raise ModelError(
                f"{name}: no weights for the degradation domain {domain} are shipped. Leave --weights out."
            )
        own = next((scale for scale, model_id in first.items() if model_id == name), 2)
        asked = float(own if scale is None else scale)
        ids = _chain(first, self.clean or first, asked)
        two = domain == "auto" and self.clean and self.photo and _chain(self.photo, self.clean, asked)
        return FamilyPlan(asked, ids, "photo" if first is self.photo else "clean", has_photo=bool(two))


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
    """Ids of the models: the first may be for photographs; its result is clean, and so are those that follow."""
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
