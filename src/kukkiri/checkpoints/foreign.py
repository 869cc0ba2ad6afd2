"""Weights of others: read without running their code, and recognized by the keys and shapes of their tensors."""

import inspect
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from kukkiri.checkpoints.dialects import DIALECTS, strip_wrappers
from kukkiri.checkpoints.safetensors import read_safetensors
from kukkiri.errors import ModelError, did_you_mean_file, require
from kukkiri.info import JSON
from kukkiri.networks import NETWORKS, Network

__all__ = ["Recognized", "load_with_spandrel", "read_state", "recognize"]

_INSIDE = ("params_ema", "params", "state_dict", "model_state_dict", "model", "generator", "net", "weights")
"""Entries of checkpoints that hold the tensors, best first: averaged weights before the last ones."""


@dataclass(frozen=True)
class Recognized:
    """The network that a foreign state dict belongs to."""

    network: str
    """Its name in ``NETWORKS``."""
    arguments: dict[str, JSON]
    """Keywords for its constructor."""
    state: dict[str, Tensor]
    """The tensors under the keys of that network, which load with ``strict=True``."""
    dialect: str = ""
    """The foreign layout that was translated; empty: none."""


def read_state(path: str | PathLike[str]) -> dict[str, Tensor]:
    """Read the tensors of a ``.safetensors`` or pickled (``.pth``, ``.pt``, ...) file, on the CPU.

    Pickles are read with ``weights_only=True``: nothing in them can run. Dictionaries around the state dict
    (``params_ema`` before ``params``, ``state_dict``, ``model``) are opened, entries that are no tensors dropped.

    Raises:
        ModelError: the file is missing or damaged, holds more than tensors, or holds no state dict.
    """
    source = Path(path)
    if not source.is_file():
        raise ModelError(f"{source}: no such file. {did_you_mean_file(source)}")
    if source.suffix == ".safetensors":
        return read_safetensors(source)[1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old pickle protocols, which the reader can do nothing about
            content = torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{source}: refused, it is damaged or holds more than tensors, and opening such a pickle can run any "
            "code. Ask for a state dict (torch.save(model.state_dict(), ...)) or a .safetensors file."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{source}: not a PyTorch file, or damaged ({_take_first_line(error)}).") from error
    return _unwrap(content, source=str(source))


def _take_first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__


def _unwrap(content: object, *, source: str) -> dict[str, Tensor]:
    """Find the state dict in an unpickled object."""
    if not isinstance(content, Mapping):
        raise ModelError(f"{source}: holds a {type(content).__name__}, expected a state dict (names to tensors).")
    for key in _INSIDE:
        if isinstance(content.get(key), Mapping):
            return _unwrap(content[key], source=source)
    tensors = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    if not tensors:
        found = ", ".join(map(str, list(content)[:6])) or "nothing"
        raise ModelError(f"{source}: no tensors inside (found {found}), expected a state dict (names to tensors).")
    return tensors


def recognize(state: Mapping[str, Tensor], *, source: str, **arguments: JSON) -> Recognized:
    """Find the network that a state dict belongs to.

    Args:
        state: tensors by name.
        source: the file's name, for the error message.
        **arguments: keywords for the constructor that the tensors do not determine, such as ``scale=3`` for an
            FSRCNN or ``res_scale=0.1`` for the wide EDSR; they override inferred ones.

    Raises:
        ModelError: no known network has these keys and shapes, or an argument does not fit it.
    """
    hints: dict[str, str] = {}
    for tensors, dialect, extra in _yield_readings(state):
        for network in NETWORKS:
            inferred = _infer(network, tensors, arguments, hints)
            if inferred is not None:
                merged = _merge(network, {**inferred, **extra}, arguments, source=source)
                return Recognized(network, merged, tensors, dialect)
    raise ModelError(f"{source}: {_name_nearest(strip_wrappers(state, outer=True), hints)}")


def _yield_readings(state: Mapping[str, Tensor]) -> Iterator[tuple[dict[str, Tensor], str, Mapping[str, JSON]]]:
    """Yield the state dict unchanged, then translated, then both without the prefixes that training code adds."""
    plain, inner = strip_wrappers(state), strip_wrappers(state, outer=True)
    for tensors in (plain, inner) if inner.keys() != plain.keys() else (plain,):
        yield tensors, "", {}
        for dialect in DIALECTS:
            if dialect.applies(tensors):
                yield dialect.translate(tensors), dialect.name, dialect.arguments


def _infer(
    network: str, state: dict[str, Tensor], arguments: Mapping[str, JSON], hints: dict[str, str]
) -> dict[str, JSON] | None:
    """Infer the arguments with which ``network`` has exactly these keys and shapes; ``None``: there are none."""
    infer = NETWORKS[network].arguments_from_state
    wanted = {key: arguments[key] for key in inspect.signature(infer).parameters if key in arguments}
    try:
        inferred = infer(state, **wanted)
    except ModelError as error:
        hints[network] = str(error)
        return None
    except (ValueError, IndexError, KeyError, ZeroDivisionError):
        return None
    return inferred if _list_shapes(network, inferred) == {key: value.shape for key, value in state.items()} else None


class _Uninitialized(TorchFunctionMode):
    """Skip the sampling of random weights, for which PyTorch would load code for a second on ``meta``."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in ("normal_", "uniform_", "kaiming_normal_", "trunc_normal_"):
            return (*args, *(kwargs or {}).values())[0]
        return func(*args, **(kwargs or {}))


def _list_shapes(network: str, arguments: Mapping[str, JSON]) -> dict[str, torch.Size] | None:
    """List keys and shapes of a network, made without memory; ``None``: it cannot be made."""
    try:
        with torch.device("meta"), _Uninitialized():
            module = NETWORKS[network](**arguments)
    except (TypeError, ValueError):
        return None
    return {key: value.shape for key, value in module.state_dict().items()}


def _merge(network: str, inferred: dict[str, JSON], given: Mapping[str, JSON], *, source: str) -> dict[str, JSON]:
    """Override inferred arguments by given ones, if the constructor takes them and the shapes stay."""
    known = inspect.signature(NETWORKS[network]).parameters
    for key in given:
        if key not in known:
            raise ModelError(f"{source}: {network} takes no argument {key!r}. It takes: {', '.join(known)}.")
    merged = {**inferred, **given}
    if merged != inferred and _list_shapes(network, merged) != _list_shapes(network, inferred):
        wrong = ", ".join(f"{key}={value!r}" for key, value in given.items() if inferred.get(key, value) != value)
        was = ", ".join(f"{key}={value!r}" for key, value in inferred.items())
        raise ModelError(f"{source}: {wrong} does not fit, its tensors are those of {network} with {was}.")
    return merged


def _name_nearest(state: Mapping[str, Tensor], hints: Mapping[str, str]) -> str:
    """Name the networks that share most keys, block numbers ignored."""
    ours = {re.sub(r"\d+", "#", key) for key in state}
    overlaps: dict[str, float] = {}
    for network in NETWORKS:
        theirs = _list_keys(network)
        common = len(ours & theirs) / max(len(ours | theirs), 1)
        if common > 0.1:
            overlaps[network] = common
    best = sorted(overlaps, key=lambda network: -overlaps[network])[:3]
    if not best:
        begins = ", ".join(sorted(state)[:3])
        return f"unknown network, no known one shares its keys ({begins}, ...). Known: {', '.join(NETWORKS)}."
    shares = ", ".join(f"{network} ({overlaps[network]:.0%} of the keys)" for network in best)
    hint = hints.get(best[0])
    return f"unknown network; nearest: {shares}." + (f" As {best[0]}: {hint}" if hint else "")


def _list_keys(network: str) -> set[str]:
    """List the keys of a network, block numbers ignored."""
    tiny = NETWORKS[network].tiny
    shapes = _list_shapes(network, tiny[0] if tiny else {"scale": 2})
    return {re.sub(r"\d+", "#", key) for key in shapes or ()}


class _SpandrelNetwork(Network):
    """A network of spandrel with our interface; its receptive field is unknown and counts as global."""

    receptive_field = None

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.scale = int(descriptor.scale)
        self.colour = "y" if descriptor.input_channels == 1 else "rgb"
        self.multiple = int(descriptor.size_requirements.multiple_of or 1)
        self.model = descriptor.model

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W)."""
        sr: Tensor = self.model(lr)
        return sr


def load_with_spandrel(path: str | PathLike[str]) -> Network:
    """Load a network that only spandrel knows.

    Raises:
        BackendError: spandrel is not installed.
        ModelError: spandrel does not know the file either, or it is no network from image to image.
    """
    require("spandrel", for_what=f"{path}: an unknown network")
    import spandrel  # type: ignore[import-not-found,unused-ignore]

    try:
        descriptor = spandrel.ModelLoader(device="cpu").load_from_file(Path(path))
    except (spandrel.UnsupportedModelError, pickle.UnpicklingError, RuntimeError, ValueError) as error:
        raise ModelError(f"{path}: spandrel cannot load it either ({_take_first_line(error)}).") from error
    if descriptor.input_channels not in (1, 3) or descriptor.output_channels != descriptor.input_channels:
        raise ModelError(
            f"{path}: maps {descriptor.input_channels} channels to {descriptor.output_channels}, "
            "expected 1 to 1 or 3 to 3."
        )
    return _SpandrelNetwork(descriptor).eval()
