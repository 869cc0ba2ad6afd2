"""The making of the results of a run: its options, its networks and the version, as one sha256."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from kukkiri import pretrained
from kukkiri.files import hash_file
from kukkiri.inference import INTERPOLATIONS, PRESETS

__all__ = ["Making", "find_version", "hash_model"]

_MARKS = ("-x", "-photo-x", "-line-x", "-vivid-x", "-vivid-photo-x")
_ENDING = re.compile(r"(-photo|-line)?(-x\d+)?$")


@dataclass(frozen=True)
class Making:
    """Everything but the source that a result depends on; equal makings, equal results to rounding."""

    options: Mapping[str, Any]
    """Value by the name of the option, ``--scale``; of JSON."""
    model: str
    sha256: str
    """Of the networks that the model may run."""
    kukkiri: str
    """Version."""

    @classmethod
    def of(cls, model: str, options: Mapping[str, Any]) -> Self:
        """Describe a run of this version of kukkiri.

        Args:
            model: that was asked for, a file or a name.
            options: that change results.

        Raises:
            OSError: the file of a model cannot be read.
        """
        plain = json.loads(json.dumps(options, sort_keys=True, default=str))
        return cls(plain, Path(model).name if Path(model).is_file() else model, hash_model(model), find_version())

    @cached_property
    def fingerprint(self) -> str:
        """sha256, in hexadecimal digits."""
        parts = {"options": self.options, "model": self.sha256, "kukkiri": self.kukkiri}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def differences(self, other: "Making") -> list[str]:
        """Name what differs, such as ``--scale (2 there, 3 here)``; ``self`` is there."""
        names = sorted({*self.options, *other.options})
        pairs = [(name, self.options.get(name), other.options.get(name)) for name in names]
        found = [f"{name} ({_show(there)} there, {_show(here)} here)" for name, there, here in pairs if there != here]
        if self.sha256 != other.sha256:
            same = self.model == other.model
            found.append(
                f"the weights of {self.model}" if same else f"the model ({self.model} there, {other.model} here)"
            )
        if self.kukkiri != other.kukkiri:
            found.append(f"kukkiri ({self.kukkiri} there, {other.kukkiri} here)")
        return found


def hash_model(model: str) -> str:
    """Return the sha256 of a file of weights, or of all shipped networks that a name may run, whatever the scale.

    Raises:
        OSError: the file cannot be read.
    """
    if Path(model).is_file():
        beside = Path(f"{model}.data")  # a large graph's weights lie there
        return _join(hash_file(path) for path in (Path(model), beside) if path.is_file())
    if model in INTERPOLATIONS:
        return _join([hashlib.sha256(model.encode()).hexdigest()])
    preset = PRESETS.get(model)
    base = preset.family if preset else _ENDING.sub("", model)
    beginnings = tuple(base + mark for mark in _MARKS)
    names = [name for name in pretrained.list_models() if name == model or name.startswith(beginnings)]
    return _join([model, *(hash_file(pretrained.locate(name, ".onnx")) for name in names)])


def _join(hashes: Iterable[str]) -> str:
    found = list(hashes)
    return found[0] if len(found) == 1 else hashlib.sha256(" ".join(found).encode()).hexdigest()


def _show(value: Any) -> str:
    return "none" if value is None else json.dumps(value) if isinstance(value, list | dict) else str(value)


@cache
def find_version() -> str:
    """Return the version of kukkiri that is installed."""
    try:
        return version("kukkiri")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
