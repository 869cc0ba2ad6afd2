"""Files of tensors: read without running any code in them, whatever else they hold."""

import json
import pickle
import re
import struct
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kukkiri.checkpoints.ncnn import is_ncnn, read_ncnn_srmd
from kukkiri.checkpoints.safetensors import read_safetensors
from kukkiri.errors import ModelError, did_you_mean_file

__all__ = ["State", "read_state"]

State = dict[str, Tensor]

_INSIDE = ("params_ema", "params", "state_dict", "model_state_dict", "model", "generator", "net", "weights")
"""Entries of checkpoints that hold the tensors, best first: averaged weights before the last ones."""
_BESIDE = re.compile(
    r"optim|sched|scaler|callback|loops|hyper|hparams|config|args|rng|random|history|log", re.IGNORECASE
)
"""Entries that hold no network, though they may hold tensors, such as the averages of an optimizer."""
_COUNTERS = ("n_averaged", "total_ops", "total_params")
"""Tensors that tools put into a state dict: averaged weights, and counters of operations."""
_HARMLESS = (
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *("numpy.dtype", "numpy.ndarray", "numpy.bool_", "numpy.float32", "numpy.float64", "numpy.int64"),
    *("argparse.Namespace", "types.SimpleNamespace", "collections.defaultdict", "builtins.dict", "builtins.list"),
    *("pathlib.PosixPath", "pathlib.WindowsPath", "pathlib._local.PosixPath", "pathlib._local.WindowsPath"),
    *("datetime.datetime", "datetime.timedelta", "torch.torch_version.TorchVersion"),
    *(f"{name}.utilities.parsing.AttributeDict" for name in ("pytorch_lightning", "lightning.pytorch")),
    *(f"{name}.fabric.utilities.data.AttributeDict" for name in ("lightning", "lightning_fabric")),
)
"""Classes and functions beside tensors in checkpoints: numbers, settings, paths; none is called."""
_LOCK = threading.Lock()
_LARGEST_HEADER = 100_000_000


class _Inert:
    """Stand-in for whatever a checkpoint holds beside tensors: it takes any arguments and does nothing with them."""

    def __new__(cls, *_: object, **__: object) -> "_Inert":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass


def _make_stand_in(name: str) -> type[_Inert]:
    module, _, attribute = name.rpartition(".")
    return type(attribute, (_Inert,), {"__module__": module, "__qualname__": attribute})


_STAND_INS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [_make_stand_in(name) for name in _HARMLESS]


def read_state(path: str | PathLike[str]) -> State:
    """Read the tensors of a ``.safetensors`` or pickled (``.pth``, ``.pt``, ...) file, or of ncnn's SRMD, on the CPU.

    Pickles are read with ``weights_only=True``: nothing in them can run. Numbers of NumPy, settings and paths beside
    the tensors become objects that do nothing. Dictionaries around the state dict (``params_ema`` before ``params``,
    ``state_dict``, ``model``) are opened; the keys of other dictionaries are put before those of their tensors, as in
    ``netG.conv.weight``; entries that are no tensors are dropped.

    Raises:
        ModelError: the file is missing or damaged, holds more than tensors, or holds no state dict.
    """
    source = Path(path)
    if source.is_dir():
        raise ModelError(f"{source}: a folder, not a file of weights. Name one .safetensors or .pth file in it.")
    if not source.is_file():
        raise ModelError(f"{source}: no such file. {did_you_mean_file(source)}")
    if source.suffix.lower() == ".onnx":
        raise ModelError(f"{source}: an ONNX graph has no state dict inside. Name the weights that it was made from.")
    _refuse_other_kinds(source)
    if source.suffix.lower() == ".safetensors":
        return _drop_counters(read_safetensors(source)[1])
    if is_ncnn(source):
        return read_ncnn_srmd(source)
    return _unwrap(_load_pickle(source), source=str(source))


def _load_pickle(source: Path) -> object:
    try:
        with _LOCK, warnings.catch_warnings(), torch.serialization.safe_globals(_STAND_INS):
            warnings.simplefilter("ignore")  # about old pickle protocols, which the reader can do nothing about
            return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise ModelError(
            f"{source}: refused, it is damaged or holds more than tensors{f' ({found[1]})' if found else ''}, and "
            "opening such a pickle can run any code. Ask for a state dict (torch.save(model.state_dict(), ...)) or a "
            ".safetensors file."
        ) from error
    except (OSError, RuntimeError, EOFError, LookupError, ValueError, TypeError, AttributeError, ImportError) as error:
        raise ModelError(
            f"{source}: not a PyTorch file, or damaged ({source.stat().st_size} bytes that do not end as they should). "
            "Get the file again."
        ) from error


def _refuse_other_kinds(source: Path) -> None:
    """Name what a file is by its first bytes, where it is no file of weights.

    Raises:
        ModelError: empty, a page of the web, a Git LFS pointer, TorchScript, ONNX, safetensors under another name ...
    """
    with source.open("rb") as file:
        begin = file.read(512)
    if not begin:
        raise ModelError(f"{source}: the file is empty or damaged (0 bytes). Get the file again.")
    text = begin.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise ModelError(f"{source}: a web page, not weights. Download the file itself, by its 'raw' address.")
    if text.startswith(b"version https://git-lfs"):
        raise ModelError(f"{source}: a pointer of Git LFS, not the weights. Fetch them with: git lfs pull.")
    if source.suffix.lower() != ".safetensors" and _is_safetensors(source, begin):
        raise ModelError(f"{source}: a safetensors file by its content. Rename it to {source.stem}.safetensors.")
    if begin.startswith(b"\x89HDF"):
        raise ModelError(f"{source}: an HDF5 file (Keras, or MATLAB), not PyTorch weights. Convert it to .safetensors.")
    if zipfile.is_zipfile(source):
        _refuse_torchscript(source)


def _is_safetensors(source: Path, begin: bytes) -> bool:
    if len(begin) < 9 or begin[8:9] != b"{":
        return False
    (length,) = struct.unpack("<Q", begin[:8])
    if not 2 <= length <= min(source.stat().st_size - 8, _LARGEST_HEADER):
        return False
    with source.open("rb") as file:
        try:
            return isinstance(json.loads(file.read(8 + length)[8:]), dict)
        except ValueError:
            return False


def _refuse_torchscript(source: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        names = archive.namelist()
    if any(re.fullmatch(r"[^/]+/constants\.pkl|[^/]+/code/.+", name) for name in names):
        raise ModelError(
            f"{source}: a TorchScript program, not weights; programs are not run here. Ask for its state dict (in "
            "torch: torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')) or for an ONNX file."
        )


def _unwrap(content: object, *, source: str) -> State:
    """Find the state dict in an unpickled object."""
    if not isinstance(content, Mapping):
        kind = "no state dict" if isinstance(content, _Inert) else f"a {type(content).__name__}"
        raise ModelError(f"{source}: holds {kind}, expected a state dict (names to tensors).")
    for key in _INSIDE:
        inner = content.get(key)
        if isinstance(inner, Mapping) and any(True for _ in _yield_tensors(inner)):
            return _unwrap(inner, source=source)
    tensors = dict(_yield_tensors(content))
    if not tensors:
        found = ", ".join(str(key)[:40] for key in list(content)[:6]) or "nothing"
        raise ModelError(f"{source}: no tensors inside (found {found}), expected a state dict (names to tensors).")
    return _drop_counters(tensors)


def _yield_tensors(content: Mapping[Any, object], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield tensors by their names; those of an inner dictionary after its name and a dot."""
    for key, value in content.items():
        if not isinstance(key, str):
            continue
        if isinstance(value, Tensor):
            yield prefix + key, value
        elif isinstance(value, Mapping) and not _BESIDE.search(key):
            yield from _yield_tensors(value, f"{prefix}{key}.")


def _drop_counters(state: Mapping[str, Tensor]) -> State:
    return {key: value for key, value in state.items() if key.rpartition(".")[2] not in _COUNTERS}
