"""The identity of a piece of work: equal inputs, options, networks and versions give equal results."""

import hashlib
import os
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from kukkiri import pretrained
from kukkiri.inference import PRESETS
from kukkiri.web.jobs.options import JobOptions

__all__ = ["hash_file", "identify"]

_BLOCK = 2**20
_ENDING = re.compile(r"(-photo)?(-x\d+)?$")


def identify(sha256: str, options: JobOptions) -> str:
    """Return the identity of the work on an input, in hexadecimal digits.

    Args:
        sha256: of the input.
        options: of the job.
    """
    parts = (_find_version(), sha256, options.key(), _hash_networks(options.chosen_model))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def hash_file(path: Path, *, sync: bool = False) -> str:
    """Return the sha256 of a file in hexadecimal digits; with ``sync`` its content is on the disk afterwards."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
        if sync:
            os.fsync(file.fileno())
    return found.hexdigest()


@cache
def _find_version() -> str:
    try:
        return version("kukkiri")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"


@cache
def _hash_networks(model: str) -> str:
    """Hash every shipped network that a preset, a family or a model may run, whatever the scale and the domain."""
    preset = PRESETS.get(model)
    base = preset.family if preset else _ENDING.sub("", model)
    shipped = pretrained.list_models()
    names = [name for name in shipped if name == model or name.startswith((f"{base}-x", f"{base}-photo-x"))]
    hashes = [hash_file(pretrained.locate(name, ".onnx")) for name in names]
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()
