"""Pairs of LR and HR images for training, patches sampled from them, and folders prepared for training.

Only the patches and the prefetching need torch and are loaded when they are first used; preparing a folder does not
need it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from kukkiri.data.pairs import Pair, PairSet, Share
from kukkiri.data.plan import PatchPlan, leave_out_small
from kukkiri.data.prepare import prepare
from kukkiri.data.prepared import LRSet, Piece, PreparedFolder
from kukkiri.data.rgb8 import read_rgb8
from kukkiri.data.sources import DataSource, check_sources

if TYPE_CHECKING:
    from kukkiri.data.device_patches import DevicePatchSampler, bytes_on_device
    from kukkiri.data.patches import PatchSampler, dihedral
    from kukkiri.data.prefetch import Prefetcher

__all__ = [
    "DataSource",
    "DevicePatchSampler",
    "LRSet",
    "Pair",
    "PairSet",
    "PatchPlan",
    "PatchSampler",
    "Piece",
    "Prefetcher",
    "PreparedFolder",
    "Share",
    "bytes_on_device",
    "check_sources",
    "dihedral",
    "leave_out_small",
    "prepare",
    "read_rgb8",
]

_NEEDS_TORCH = {
    "DevicePatchSampler": "device_patches",
    "PatchSampler": "patches",
    "Prefetcher": "prefetch",
    "bytes_on_device": "device_patches",
    "dihedral": "patches",
}
"""Name and module of what is loaded when it is first used."""


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module 'kukkiri.data' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_NEEDS_TORCH[name]}"), name)
    globals()[name] = value
    return value
