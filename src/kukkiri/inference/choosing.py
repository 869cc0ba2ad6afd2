"""What a user may ask for by name: an interpolation, a preset, a family, a shipped model, or a file.

A family has weights of up to two degradation domains: ``family-x2`` for clean images, ``family-photo-x2`` for photographs
that were compressed.
"""

import dataclasses
import difflib
import importlib
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from kukkiri import pretrained
from kukkiri.errors import BackendError, ModelError
from kukkiri.inference.engine import Engine, OnnxEngine
from kukkiri.inference.presets import PRESETS

__all__ = ["INTERPOLATIONS", "Choice", "Domain", "choose_model", "choose_scales", "load_shipped"]

Domain = Literal["auto", "clean", "photo"]

INTERPOLATIONS = {"bicubic": "cubic", "bilinear": "linear", "lanczos": "lanczos3", "nearest": "nearest"}
"""Models that need no network, and their kernels in ``kukkiri.resampling``."""
_SUFFIXES = (".onnx", ".safetensors", ".pth", ".pt", ".ckpt", ".bin")
_LONGEST = 8


@dataclass(frozen=True)
class Choice:
    """A model as it will be run."""

    name: str
    scale: float
    """Output pixels for one input pixel along a side."""
    engines: tuple[Engine, ...] = ()
    """Networks to run one after the other; none at scale 1 and for an interpolation."""
    kernel: str | None = None
    """Interpolation kernel instead of networks."""
    ensemble: bool = False
    """The preset asks for the self-ensemble."""
    domain: Literal["clean", "photo"] | None = None
    """What the shipped networks were trained for; ``None``: not known."""
    photo: tuple[str, ...] = ()
    """Ids of the shipped models that would serve a lossy image better, when the choice was left open."""


def choose_model(
    model: str | PathLike[str] | Engine,
    *,
    scale: float | None,
    threads: int | None = None,
    weights: Domain = "auto",
) -> Choice:
    """Find out what is meant and load it.

    Args:
        model: an interpolation (``bicubic``, ``bilinear``, ``lanczos``, ``nearest``), a preset (``fast``,
            ``balanced``, ``best``), a family of shipped models (``espcn``), one of them (``espcn-x3``), an
            ``.onnx`` file, a file of torch weights (needs torch), or an engine.
        scale: at least 1; by default the model's own, 2 for what has several.
        threads: of ONNX Runtime.
        character: of the shipped networks; ``auto`` loads the clean ones and names those for photographs.

    Raises:
        ModelError: nothing of that name or weights, or a scale that it cannot give.
        BackendError: torch weights without torch.
    """
    if scale is not None and not (math.isfinite(scale) and scale >= 1):
        raise ModelError(f"scale must be a number of at least 1, got {scale}. To shrink, use kukkiri degrade.")
    if not isinstance(model, str | PathLike):
        return _without_domain(_single(model, scale), weights)
    name = str(model)
    if name in INTERPOLATIONS:
        choice = Choice(name, 2.0 if scale is None else scale, kernel=INTERPOLATIONS[name])
        return _without_domain(choice, weights)
    preset = PRESETS.get(name)
    family = _Family.find(preset.family if preset else name)
    if family is not None:
        ensemble = bool(preset and preset.ensemble)
        return _shipped(name, family, scale, ensemble=ensemble, threads=threads, weights=weights)
    if preset:
        raise ModelError(
            f"preset {name!r} needs {preset.family} models, but none are shipped here. Install kukkiri again."
        )
    choice = _single(_load(name, threads=threads), scale)
    if name in pretrained.list_models() and weights != "photo":
        return dataclasses.replace(choice, domain="clean")
    return _without_domain(choice, weights)


@dataclass(frozen=True)
class _Family:
    """Shipped models that belong together, by their scale; one of the two degradation domains may be missing."""

    clean: dict[int, str]
    photo: dict[int, str]
    only: Literal["auto", "photo"] = "auto"
    """The one degradation domain that was asked for by name."""

    @classmethod
    def find(cls, name: str) -> "_Family | None":
        """Of ``espcn``, ``espcn-photo`` or ``espcn-photo-x2``; ``None`` when there is none."""
        base, marked, scale = name.partition("-photo")
        clean, photo = _members(base), _members(f"{base}-photo")
        if not marked:
            return cls(clean, photo) if clean or photo else None
        asked = {one: model_id for one, model_id in photo.items() if scale in ("", f"-x{one}")}
        return cls(clean, asked, only="photo") if asked else None


def _shipped(
    name: str, family: _Family, scale: float | None, *, ensemble: bool, threads: int | None, weights: Domain
) -> Choice:
    """The networks of a family that lead to a scale; after the one for photographs the image is a clean one."""
    if family.only == "photo":
        if weights == "clean":
            raise ModelError(f"{name}: is for photographs, but the clean weights were asked. Name the family only.")
        weights = "photo"
    first = {"auto": family.clean or family.photo, "clean": family.clean, "photo": family.photo}[weights]
    if not first:
        raise ModelError(f"{name}: no weights for the degradation domain {weights} are shipped. Leave --weights out.")
    own = next((one for one, model_id in first.items() if model_id == name), 2)
    asked = float(own if scale is None else scale)
    engines = load_shipped(_plan(first, family.clean or first, asked), threads=threads)
    better: tuple[str, ...] = ()
    if weights == "auto" and family.clean and family.photo:
        better = _plan(family.photo, family.clean, asked)
    kind: Literal["clean", "photo"] = "photo" if first is family.photo else "clean"
    return Choice(name, asked, engines, ensemble=ensemble, domain=kind, photo=better)


def _without_domain(choice: Choice, weights: Domain) -> Choice:
    if weights != "auto":
        raise ModelError(
            f"{choice.name}: is one model, so there is no {weights} to choose. Name a preset or a shipped family, "
            "or leave weights out."
        )
    return choice


def load_shipped(ids: Sequence[str], *, threads: int | None = None) -> tuple[Engine, ...]:
    """Engines of shipped models, to be run one after the other.

    Raises:
        ModelError: one is not shipped, or they mix luma and RGB.
    """
    loaded = {one: OnnxEngine(pretrained.locate(one, ".onnx"), threads=threads) for one in sorted(set(ids))}
    if len({engine.info.colour for engine in loaded.values()}) > 1:
        raise ModelError(f"{', '.join(ids)}: these mix luma and RGB, which cannot follow one another.")
    return tuple(loaded[one] for one in ids)


def _plan(first: dict[int, str], later: dict[int, str], asked: float) -> tuple[str, ...]:
    """Ids of the models: the first may be for photographs; its result is clean, and so are those that follow."""
    scales = choose_scales(sorted(later), asked, first=sorted(first))
    return tuple((later if place else first)[scale] for place, scale in enumerate(scales))


def choose_scales(available: Sequence[int], asked: float, *, first: Sequence[int] = ()) -> list[int]:
    """The network scales to run one after the other to reach ``asked`` or more.

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
    starts = sorted(first or available)
    for count in range(1, _LONGEST + 1):
        if starts[-1] * max(available) ** (count - 1) < asked:
            continue
        later = list(itertools.combinations_with_replacement(sorted(available), count - 1))
        chains = ((start, *rest) for start in starts for rest in later)
        return list(min((chain for chain in chains if math.prod(chain) >= asked), key=math.prod))
    raise ModelError(f"scale {asked:g} is out of reach: {_LONGEST} runs of x{max(available)} are the limit.")


def _single(engine: Engine, scale: float | None) -> Choice:
    """One network, repeated while it is too small."""
    own = engine.info.scale
    asked = float(own if scale is None else scale)
    if engine.info.pre_upsampled and asked > 1 and asked != own and asked.is_integer():
        return Choice(engine.info.name, asked, (_Rescaled(engine, int(asked)),))
    if own == 1:
        if asked > 1:
            raise ModelError(
                f"{engine.info.name} is a x1 model, which does not upscale, but scale {asked:g} was asked. "
                "Drop the scale or choose another model."
            )
        return Choice(engine.info.name, 1.0, (engine,))
    return Choice(engine.info.name, asked, (engine,) * len(choose_scales([own], asked)))


class _Rescaled:
    """A network on the upscaled image, which serves any scale: VDSR's one set of weights for x2, x3 and x4."""

    def __init__(self, engine: Engine, scale: int) -> None:
        self.info = dataclasses.replace(engine.info, scale=scale)
        self.footprint = engine.footprint
        self.run = engine.run


def _members(family: str) -> dict[int, str]:
    """Shipped models ``family-x2``, ``family-x3``, ... by their scale."""
    found = {}
    for model_id in pretrained.list_models():
        match = re.fullmatch(rf"{re.escape(family)}-x(\d+)", model_id)
        if match:
            found[int(match[1])] = model_id
    return found


def _load(name: str, *, threads: int | None) -> Engine:
    path = Path(name)
    if path.suffix in _SUFFIXES or path.is_file():
        if not path.exists():
            beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
            near = difflib.get_close_matches(path.name, beside, n=1)
            raise ModelError(f"{path}: no such file." + (f" Did you mean {path.parent / near[0]}?" if near else ""))
        return OnnxEngine(path, threads=threads) if path.suffix == ".onnx" else _load_torch(path)
    known = [*INTERPOLATIONS, *PRESETS, *pretrained.list_models()]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ModelError(f"no file, preset or model {name!r}{hint} Known: {', '.join(known)}.")
    return OnnxEngine(pretrained.locate(name, ".onnx"), threads=threads)


def _load_torch(path: Path) -> Engine:
    """Cross to the half that needs torch, by name, because only the user's file asks for it."""
    try:
        checkpoints: Any = importlib.import_module("kukkiri.checkpoints")
        torch_engine: Any = importlib.import_module("kukkiri.inference.torch_engine")
    except ImportError as error:
        raise BackendError(
            f"{path}: torch weights need torch ({error}). Install kukkiri[torch], or use an .onnx file."
        ) from error
    loaded = checkpoints.load(path)
    engine: Engine = torch_engine.TorchEngine(loaded.module, info=loaded.info)
    return engine
