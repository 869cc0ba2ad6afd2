"""The shipped models: an ONNX graph, safetensors weights and a card for each id, side by side in this folder.

A card is a JSON object beside the weights, ``espcn-x3.json`` for the model ``espcn-x3``: name, network,
scale, colour, training data, recipe, commit, scores, licence, parameters. A card with an object ``adaptation``
describes a meta-learned initialization for ``kukkiri adapt``: weights made to be adapted to an image before they are
used. Those that are conditioned on the blur have a graph, too, with which ``kukkiri upscale --kernel`` inverts it. A
card with an object ``conditioned`` describes a network that is conditioned on the degradation and not adapted:
``{"kind": "covariance", "subsample": "direct", "noise": true}``, as :class:`kukkiri.info.Condition` has them.
"""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from kukkiri.errors import ModelError, did_you_mean

__all__ = ["holds", "list_conditioned", "list_initializations", "list_models", "locate", "read_card"]


def list_models() -> list[str]:
    """List the ids of the shipped models that take an image and nothing else, sorted."""
    return [name for name in _list_ids() if not {"adaptation", "conditioned"} & _read(name).keys()]


def list_conditioned() -> list[str]:
    """List the ids of the shipped networks that are conditioned on the degradation and not adapted, sorted."""
    return [name for name in _list_ids() if "conditioned" in _read(name)]


def list_initializations() -> list[str]:
    """List the ids of the shipped meta-learned initializations, sorted."""
    return [name for name in _list_ids() if "adaptation" in _read(name)]


def locate(model_id: str, suffix: str) -> Path:
    """Find a file of a shipped model or initialization.

    Args:
        model_id: such as ``espcn-x3``.
        suffix: ``.onnx``, ``.safetensors`` or ``.json``.

    Raises:
        ModelError: no such model is shipped, or not as this kind of file.
    """
    known = _list_ids()
    if model_id not in known:
        raise ModelError(f"no file and no shipped model {model_id!r}{did_you_mean(model_id, known)}")
    path = _folder() / f"{model_id}{suffix}"
    if not path.is_file():
        initialization = suffix == ".onnx" and model_id in list_initializations()
        remedy = f"Use it as kukkiri adapt --initialization {model_id}." if initialization else "Install kukkiri again."
        raise ModelError(f"{model_id}: shipped without a {suffix} file. {remedy}")
    return path


def holds(model_id: str, suffix: str) -> bool:
    """True when a file of this suffix is shipped for an id."""
    return (_folder() / f"{model_id}{suffix}").is_file()


def read_card(model_id: str) -> Mapping[str, Any]:
    """Read the card of a shipped model or initialization.

    Raises:
        ModelError: no such model is shipped, or its card is damaged.
    """
    locate(model_id, ".json")
    return _read(model_id)


def _folder() -> Path:
    return Path(str(resources.files(__name__)))


def _list_ids() -> list[str]:
    return sorted(path.stem for path in _folder().glob("*.json"))


def _read(model_id: str) -> Mapping[str, Any]:
    path = _folder() / f"{model_id}.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path}: the card is damaged ({error}). Install kukkiri again.") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: the card is damaged (not an object). Install kukkiri again.")
    return values
