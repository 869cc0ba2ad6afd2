"""Pairs of LR and HR pictures for training, and the patches drawn from them; folders prepared for it."""

from kukkiri.data.pairs import Pair, PairSet
from kukkiri.data.patches import PatchSampler, dihedral
from kukkiri.data.pictures import find_pictures, read_rgb8
from kukkiri.data.prepare import prepare
from kukkiri.data.prepared import LowSet, Piece, Prepared

__all__ = [
    "LowSet",
    "Pair",
    "PairSet",
    "PatchSampler",
    "Piece",
    "Prepared",
    "dihedral",
    "find_pictures",
    "prepare",
    "read_rgb8",
]
