"""``kukkiri.load``: from a file or the id of a shipped model to a torch network and its descriptor."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from torch import Tensor

from kukkiri import pretrained
from kukkiri.checkpoints.description import describe
from kukkiri.checkpoints.safetensors import read_safetensors, tensors_sha256
from kukkiri.errors import BackendError, ModelError, did_you_mean_file
from kukkiri.info import JSON, ModelInfo
from kukkiri.networks import NETWORKS, Network
from kukkiri.networks.registry import write_unknown_network

__all__ = ["Loaded", "load"]

_PICKLES = (".pth", ".pt", ".ckpt", ".bin")


@dataclass(frozen=True)
class Loaded:
    """A network and its descriptor."""

    info: ModelInfo
    """The descriptor; of a foreign file it is made from the network."""
    module: Network
    """In evaluation mode, with the official forward and value range."""


def load(path_or_id: str | PathLike[str], **arguments: JSON) -> Loaded:
    """Load a network with its weights.

    Args:
        path_or_id: a ``.safetensors`` file of kukkiri or of others, a ``.pth`` file (read with
            ``weights_only=True``, so that no code runs), or the id of a shipped model, such as ``espcn-x3``.
        **arguments: keywords of the network's constructor that the file does not determine, such as ``scale=3`` or
            ``res_scale=0.1``; they override those in the file.

    Returns:
        The network in evaluation mode, every key of the file used (``strict=True``).

    Raises:
        ModelError: no such file or id, a file that is damaged, of an unknown network (one of another package that is
            not registered, see :func:`kukkiri.networks.register`) or of another kind, or arguments that do not fit.
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
        found = path.suffix or "no suffix"
        raise ModelError(f"{path}: not a file of weights: expected .safetensors or .pth, got {found}.")
    return _load_foreign(path, arguments=arguments)


def _load_own(info: ModelInfo, state: Mapping[str, Tensor], *, path: Path, arguments: Mapping[str, JSON]) -> Loaded:
    merged = {**info.arguments, **arguments}
    module = _build(info.network, merged, state, source=str(path))
    described = describe(module, name=info.name, arguments=merged)
    kept = {name: getattr(info, name) for name in ("training_data", "licence", "sha256")}
    return Loaded(dataclasses.replace(described, **kept), module)


def _load_foreign(path: Path, *, arguments: Mapping[str, JSON]) -> Loaded:
    from kukkiri.checkpoints import foreign

    try:
        recognized = foreign.recognize(foreign.read_state(path), source=str(path), **arguments)
    except ModelError as error:
        return _load_community(path, unknown=error)
    module = _build(recognized.network, recognized.arguments, recognized.state, source=str(path))
    info = describe(module, name=path.stem, arguments=recognized.arguments)
    return Loaded(dataclasses.replace(info, sha256=tensors_sha256(module.state_dict())), module)


def _load_community(path: Path, *, unknown: ModelError) -> Loaded:
    """Load a file that only spandrel knows; without spandrel, or if it does not know it either, raise ``unknown``."""
    from kukkiri.checkpoints import foreign

    try:
        module = foreign.load_with_spandrel(path)
    except (BackendError, ModelError):
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


def _build(network: str, arguments: Mapping[str, JSON], state: Mapping[str, Tensor], *, source: str) -> Network:
    """Make a network with these weights, in evaluation mode."""
    if network not in NETWORKS:
        raise ModelError(f"{source}: {write_unknown_network(network)}")
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
    """Find the file: a path that exists, or the id of a shipped model."""
    path = Path(path_or_id)
    if path.is_file():
        return path
    if path.is_dir():
        raise ModelError(f"{path}: a folder, not a file of weights. Name one .safetensors or .pth file in it.")
    if path.suffix or path.parent != Path():
        raise ModelError(f"{path}: no such file. {did_you_mean_file(path)}")
    return pretrained.locate(str(path_or_id), ".safetensors")
