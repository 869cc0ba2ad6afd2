"""Pairs of LR and HR pictures for training, and the patches drawn from them."""

from kukkiri.data.pairs import Pair, PairSet, find_pictures, read_rgb8
from kukkiri.data.patches import PatchSampler, dihedral

__all__ = ["Pair", "PairSet", "PatchSampler", "dihedral", "find_pictures", "read_rgb8"]
