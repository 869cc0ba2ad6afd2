"""The shipped models: for each id an ONNX graph, safetensors weights and a card, side by side in this folder.

A card is a JSON object beside the weights, ``espcn-x3.json`` for the model ``espcn-x3``: name, network,
scale, colour, training data, recipe, commit, scores, licence, parameters. A card with an object ``adaptation`` is
that of an initialization for ``kukkiri adapt``: weights without a graph, which are no model before they are adapted.
"""

import difflib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from kukkiri.errors import ModelError

__all__ = ["card", "locate", "shipped", "starts"]


def _folder() -> Path:
    return Path(str(resources.files(__name__)))


def shipped() -> list[str]:
    """The ids of the models that came with this installation, sorted."""
    return [name for name in _ids() if "adaptation" not in _read(name)]


def initializations() -> list[str]:
    """The ids of the meta-learned initializations that came with this installation, sorted."""
    return [name for name in _ids() if "adaptation" in _read(name)]


def _ids() -> list[str]:
    return sorted(path.stem for path in _folder().glob("*.json"))


def locate(model_id: str, suffix: str) -> Path:
    """Where the file of a shipped model or start lies.

    Args:
        model_id: such as ``espcn-x3``.
        suffix: ``.onnx``, ``.safetensors`` or ``.json``.

    Raises:
        ModelError: no such model is shipped, or not as this kind of file.
    """
    known = _ids()
    if model_id not in known:
        raise ModelError(_unknown(model_id, known))
    path = _folder() / f"{model_id}{suffix}"
    if not path.is_file():
        initialization = suffix == ".onnx" and model_id in initializations()
        remedy = f"Use it as kukkiri adapt --initialization {model_id}." if initialization else "Install kukkiri again."
        raise ModelError(f"{model_id}: shipped without a {suffix} file. {remedy}")
    return path


def card(model_id: str) -> Mapping[str, Any]:
    """What is known about a shipped model or initialization.

    Raises:
        ModelError: no such model is shipped, or its card is damaged.
    """
    locate(model_id, ".json")
    return _read(model_id)


def _read(model_id: str) -> Mapping[str, Any]:
    path = _folder() / f"{model_id}.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path}: the card is damaged ({error}). Install kukkiri again.") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: the card is damaged (not an object). Install kukkiri again.")
    return values


def _unknown(model_id: str, known: list[str]) -> str:
    near = difflib.get_close_matches(model_id, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    shipped_models = ", ".join(known) if known else "none"
    return f"no file and no shipped model {model_id!r}{hint} Shipped: {shipped_models}."
