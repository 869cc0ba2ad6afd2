"""``kukkiri.load``: a file or a shipped id to a torch network and its descriptor."""

import dataclasses
import difflib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from kukkiri import pretrained
from kukkiri.checkpoints.description import describe
from kukkiri.checkpoints.safetensors import read_safetensors, tensors_sha256
from kukkiri.errors import ModelError
from kukkiri.info import ModelInfo
from kukkiri.networks import NETWORKS, Network

__all__ = ["Loaded", "load"]

_PICKLES = (".pth", ".pt", ".ckpt", ".bin")


@dataclass(frozen=True)
class Loaded:
    """A network and what is known about it."""

    info: ModelInfo
    """The descriptor; for foreign files made from the network itself."""
    module: Network
    """In evaluation mode, with the official forward and value range."""


def load(path_or_id: str | PathLike[str], **arguments: Any) -> Loaded:
    """Load a network with its weights.

    Args:
        path_or_id: a ``.safetensors`` file of kukkiri's or of others, a ``.pth`` file (read with
            ``weights_only=True``, so that no code runs), or the id of a shipped model, such as ``espcn-x3``.
        **arguments: keywords of the network's constructor that the file cannot tell, such as ``scale=3`` or
            ``res_scale=0.1``; they win over what the file says.

    Returns:
        The network in evaluation mode, every key of the file used (``strict=True``).

    Raises:
        ModelError: nothing of that name, a file that is damaged or unknown, or arguments that do not fit.
    """
    path = _find(path_or_id)
    if path.suffix == ".onnx":
        raise ModelError(
            f"{path}: an ONNX graph has no torch network inside. Run it with kukkiri.Upscaler, or load the "
            ".safetensors file that it was exported from."
        )
    if path.suffix == ".safetensors":
        info, state = read_safetensors(path)
        if info is not None:
            return _load_own(info, state, path=path, arguments=arguments)
    elif path.suffix not in _PICKLES:
        raise ModelError(f"{path}: {path.suffix or 'no suffix'} is no kind of weights. Expected .safetensors or .pth.")
    return _load_foreign(path, arguments=arguments)


def _load_own(info: ModelInfo, state: Mapping[str, Tensor], *, path: Path, arguments: Mapping[str, Any]) -> Loaded:
    merged = {**info.arguments, **arguments}
    module = _build(info.network, merged, state, source=str(path))
    described = describe(module, name=info.name, arguments=merged)
    kept = {name: getattr(info, name) for name in ("training_data", "licence", "sha256")}
    return Loaded(dataclasses.replace(described, **kept), module)


def _load_foreign(path: Path, *, arguments: Mapping[str, Any]) -> Loaded:
    from kukkiri.checkpoints import foreign

    try:
        recognized = foreign.recognize(foreign.read_state(path), source=str(path), **arguments)
    except ModelError as error:
        if importlib.util.find_spec("spandrel") is None:
            raise
        return _load_community(path, unknown=error)
    module = _build(recognized.network, recognized.arguments, recognized.state, source=str(path))
    info = describe(module, name=path.stem, arguments=recognized.arguments)
    return Loaded(dataclasses.replace(info, sha256=tensors_sha256(module.state_dict())), module)


def _load_community(path: Path, *, unknown: ModelError) -> Loaded:
    """A file that only spandrel knows; when it does not either, what we said of the file stands."""
    from kukkiri.checkpoints import foreign

    try:
        module = foreign.load_with_spandrel(path)
    except ModelError:
        raise unknown from None
    info = ModelInfo(
        name=path.stem,
        network="unknown",
        scale=module.scale,
        colour=module.colour,
        receptive_field=module.receptive_field,
        multiple=module.multiple,
        sha256=tensors_sha256(module.state_dict()),
    )
    return Loaded(info, module)


def _build(network: str, arguments: Mapping[str, Any], state: Mapping[str, Tensor], *, source: str) -> Network:
    """Make the network and fill it, in evaluation mode."""
    if network not in NETWORKS:
        near = difflib.get_close_matches(network, NETWORKS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ModelError(f"{source}: unknown network {network!r}{hint} Known: {', '.join(NETWORKS)}.")
    try:
        module = NETWORKS[network](**arguments)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{source}: {network} does not take these arguments: {error}.") from error
    try:
        module.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:300]
        raise ModelError(f"{source}: the tensors are not those of {network} with {dict(arguments)}: {first}") from error
    return module.eval()


def _find(path_or_id: str | PathLike[str]) -> Path:
    """The file that is meant: a path that exists, else a shipped id."""
    path = Path(path_or_id)
    if path.is_file():
        return path
    if path.is_dir():
        raise ModelError(f"{path}: a folder, not a file of weights. Name one .safetensors or .pth file in it.")
    if path.suffix or path.parent != Path():
        beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, beside, n=1)
        hint = f" Did you mean {path.parent / near[0]}?" if near else " Check the path."
        raise ModelError(f"{path}: no such file.{hint}")
    return pretrained.locate(str(path_or_id), ".safetensors")
