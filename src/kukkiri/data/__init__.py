"""Pairs of LR and HR images for training, patches sampled from them, and folders prepared for training.

Only the patches need torch and are loaded when they are first used; preparing a folder does not need it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from kukkiri.data.pairs import Pair, PairSet
from kukkiri.data.prepare import prepare
from kukkiri.data.prepared import LRSet, Piece, PreparedFolder
from kukkiri.data.rgb8 import read_rgb8

if TYPE_CHECKING:
    from kukkiri.data.patches import PatchSampler, dihedral

__all__ = [
    "LRSet",
    "Pair",
    "PairSet",
    "PatchSampler",
    "Piece",
    "PreparedFolder",
    "dihedral",
    "prepare",
    "read_rgb8",
]


def __getattr__(name: str) -> Any:
    if name not in ("PatchSampler", "dihedral"):
        raise AttributeError(f"module 'kukkiri.data' has no attribute {name!r}")
    value = getattr(importlib.import_module("kukkiri.data.patches"), name)
    globals()[name] = value
    return value
