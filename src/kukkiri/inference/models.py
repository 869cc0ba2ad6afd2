"""What a user may ask for by name: an interpolation, a preset, a family, a shipped model, or a file."""

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
from typing import Any

from kukkiri import weights
from kukkiri.errors import BackendError, ModelError
from kukkiri.inference.engine import Engine, OnnxEngine
from kukkiri.inference.presets import PRESETS

__all__ = ["INTERPOLATIONS", "Choice", "choose_model", "choose_scales"]

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


def choose_model(model: str | PathLike[str] | Engine, *, scale: float | None, threads: int | None = None) -> Choice:
    """Find out what is meant and load it.

    Args:
        model: an interpolation (``bicubic``, ``bilinear``, ``lanczos``, ``nearest``), a preset (``fast``,
            ``balanced``, ``best``), a family of shipped models (``espcn``), one of them (``espcn-x3``), an
            ``.onnx`` file, a file of torch weights (needs torch), or an engine.
        scale: at least 1; by default the model's own, 2 for what has several.
        threads: of ONNX Runtime.

    Raises:
        ModelError: nothing of that name, or a scale that it cannot give.
        BackendError: torch weights without torch.
    """
    if scale is not None and not (math.isfinite(scale) and scale >= 1):
        raise ModelError(f"scale must be a number of at least 1, got {scale}. To shrink, use kukkiri degrade.")
    if not isinstance(model, str | PathLike):
        return _single(model, scale)
    name = str(model)
    if name in INTERPOLATIONS:
        return Choice(name, 2.0 if scale is None else scale, kernel=INTERPOLATIONS[name])
    preset = PRESETS.get(name)
    family = preset.family if preset else name
    members = _members(family)
    if members:
        asked = 2.0 if scale is None else scale
        engines = [OnnxEngine(weights.locate(members[one], ".onnx"), threads=threads) for one in _plan(members, asked)]
        return Choice(name, asked, tuple(engines), ensemble=bool(preset and preset.ensemble))
    if preset:
        raise ModelError(f"preset {name!r} needs {family} models, but none are shipped here. Install kukkiri again.")
    return _single(_load(name, threads=threads), scale)


def _plan(members: dict[int, str], asked: float) -> list[int]:
    return choose_scales(sorted(members), asked)


def choose_scales(available: Sequence[int], asked: float) -> list[int]:
    """The network scales to run one after the other to reach ``asked`` or more.

    The fewest runs; among them the smallest product; the smaller scales first, which is cheapest. So with 2, 3
    and 4 there are: 2.5 by x3, 4 by x4, 5 and 6 by x2 x3, 8 by x2 x4.

    Args:
        available: scales above 1.
        asked: at least 1; 1 needs no network.

    Raises:
        ModelError: more than eight runs would be needed.
    """
    if asked <= 1:
        return []
    for count in range(1, _LONGEST + 1):
        if max(available) ** count < asked:
            continue
        chains = itertools.combinations_with_replacement(sorted(available), count)
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
                f"{engine.info.name} is a x1 model, which does not enlarge, but scale {asked:g} was asked. "
                "Drop the scale or choose another model."
            )
        return Choice(engine.info.name, 1.0, (engine,))
    return Choice(engine.info.name, asked, (engine,) * len(choose_scales([own], asked)))


class _Rescaled:
    """A network on the enlarged picture, which serves any scale: VDSR's one set of weights for x2, x3 and x4."""

    def __init__(self, engine: Engine, scale: int) -> None:
        self.info = dataclasses.replace(engine.info, scale=scale)
        self.footprint = engine.footprint
        self.run = engine.run


def _members(family: str) -> dict[int, str]:
    """Shipped models ``family-x2``, ``family-x3``, ... by their scale."""
    found = {}
    for model_id in weights.shipped():
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
    known = [*INTERPOLATIONS, *PRESETS, *weights.shipped()]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ModelError(f"no file, preset or model {name!r}{hint} Known: {', '.join(known)}.")
    return OnnxEngine(weights.locate(name, ".onnx"), threads=threads)


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
