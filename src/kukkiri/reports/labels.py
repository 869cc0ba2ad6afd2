"""Short names of models for tables and charts."""

from collections.abc import Sequence
from pathlib import PurePath

__all__ = ["short_labels"]

_PLAIN = {"weights", "model", "checkpoint", "best", "last"}
"""File names that are meaningless without their folder."""


def short_labels(models: Sequence[str]) -> list[str]:
    """Shorten the names of models: ids stay, paths keep the parts that distinguish them.

    Args:
        models: ids and paths, in order; a model given twice is numbered.
    """
    depths = [0 if not _is_path(model) else 2 if PurePath(model).stem in _PLAIN else 1 for model in models]
    labels = [_label(model, depth) for model, depth in zip(models, depths, strict=True)]
    for _ in range(8):
        clashing = [i for i, label in enumerate(labels) if labels.count(label) > 1 and depths[i]]
        if not clashing:
            break
        for i in clashing:
            depths[i] += 1
            labels[i] = _label(models[i], depths[i])
    return [
        f"{label} ({labels[: i + 1].count(label)})" if labels.count(label) > 1 else label
        for i, label in enumerate(labels)
    ]


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
