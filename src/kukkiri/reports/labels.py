"""Short names of models for tables and charts."""

from collections.abc import Sequence
from pathlib import PurePath

__all__ = ["short_labels"]

_PLAIN = {"weights", "model", "checkpoint", "best", "last"}
"""File names that say nothing without their folder."""


def short_labels(models: Sequence[str]) -> list[str]:
    """A label for each model as the user named it: ids stay, paths lose what is not needed to tell them apart.

    Args:
        models: ids and paths, in order; a model given twice is numbered.
    """
    depths = [0 if not _is_path(one) else 2 if PurePath(one).stem in _PLAIN else 1 for one in models]
    labels = [_label(one, depth) for one, depth in zip(models, depths, strict=True)]
    for _ in range(8):
        clashing = [i for i, one in enumerate(labels) if labels.count(one) > 1 and depths[i]]
        if not clashing:
            break
        for i in clashing:
            depths[i] += 1
            labels[i] = _label(models[i], depths[i])
    return [f"{one} ({labels[: i + 1].count(one)})" if labels.count(one) > 1 else one for i, one in enumerate(labels)]


def _is_path(model: str) -> bool:
    return "/" in model or "\\" in model or PurePath(model).suffix in (".onnx", ".safetensors", ".pth", ".pt")


def _label(model: str, depth: int) -> str:
    if not depth:
        return model
    path = PurePath(model)
    folders = list(path.parent.parts)[-(depth - 1) :] if depth > 1 else []
    if path.stem in _PLAIN and folders:
        return "/".join(folders)
    return "/".join([*folders, path.stem])
