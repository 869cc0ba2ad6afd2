"""Weights as safetensors files whose metadata is the model's descriptor, with a checksum of the tensors."""

import dataclasses
import hashlib
import logging
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from kukkiri.checkpoints.description import check_description
from kukkiri.checkpoints.model_files import replacing_model
from kukkiri.errors import ModelError, did_you_mean_file
from kukkiri.info import METADATA_KEY, ModelInfo

__all__ = ["read_safetensors", "save_safetensors", "tensors_sha256"]

_LOG = logging.getLogger(__name__)


def tensors_sha256(state: Mapping[str, Tensor]) -> str:
    """Compute the checksum of a state dict, which does not depend on the file format.

    SHA-256 over the tensors in the order of their sorted names; for each, the UTF-8 line
    ``name dtype shape`` (such as ``head.weight float32 9,32,3,3``) ended by a newline, then the values'
    bytes in row-major order, little-endian.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        kind = str(tensor.dtype).removeprefix("torch.")
        digest.update(f"{name} {kind} {','.join(map(str, tensor.shape))}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_safetensors(
    module: nn.Module, path: str | PathLike[str], *, info: ModelInfo, overwrite: bool = False
) -> ModelInfo:
    """Write a module's state dict and its descriptor; the file appears whole or not at all.

    The same weights and the same descriptor give the same bytes.

    Args:
        module: any module; every tensor of its state dict is written under its own key.
        path: of the new file; missing folders are made.
        info: the descriptor; its ``sha256`` is replaced by that of the tensors.
        overwrite: replace an existing file.

    Returns:
        The descriptor that was written.

    Raises:
        ModelError: the file exists, or cannot be written, or ``info`` contradicts the module.
    """
    check_description(module, info)
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in module.state_dict().items()}
    written = dataclasses.replace(info, sha256=tensors_sha256(state))
    with replacing_model(Path(path), overwrite=overwrite) as temporary:
        save_file(state, temporary, metadata=written.to_metadata())
    _LOG.info("wrote %s: %s, %d tensors", path, written.name, len(state))
    return written


def write_damage(path: Path) -> str:
    """Write why a file cannot be read as safetensors, in a few words."""
    if path.is_dir():
        return "a folder"
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            begin = file.read(9)
    except OSError as error:
        return (error.strerror or "it cannot be opened").lower()
    if size < 9:
        return f"{size} bytes"
    length = int.from_bytes(begin[:8], "little")
    if begin[8:] != b"{" or length > size:
        return "it does not begin with a header" if length > size else "its header is no JSON object"
    return f"its tensors do not fit its {size} bytes: it may be cut short"


def read_safetensors(path: Path) -> tuple[ModelInfo | None, dict[str, Tensor]]:
    """Read a file that :func:`save_safetensors` wrote, or a foreign one.

    Returns:
        The descriptor, ``None`` for a foreign file, and the tensors by name.

    Raises:
        ModelError: the file cannot be read, or the tensors do not have the checksum that the descriptor states.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file. {did_you_mean_file(path)}") from error
    except (OSError, SafetensorError, ValueError, RuntimeError, AttributeError) as error:
        reason = write_damage(path)
        raise ModelError(f"{path}: not a safetensors file, or damaged ({reason}). Get the file again.") from error
    if METADATA_KEY not in metadata:
        return None, state
    info = ModelInfo.from_metadata(metadata, source=str(path))
    found = tensors_sha256(state)
    if info.sha256 and info.sha256 != found:
        raise ModelError(
            f"{path}: damaged: its tensors have sha256 {found[:12]}..., but {info.sha256[:12]}... was written. "
            "Fetch or save it again."
        )
    return info, state
