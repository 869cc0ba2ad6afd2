"""Exact rewrites of layers: the same results from other modules, and the choice of the faster ones."""

from kukkiri.upsampling.rewrites.fusing import Engine, optimize
from kukkiri.upsampling.rewrites.merge import (
    FixedFilter,
    ParallelBranches,
    PointwiseThenConv,
    merge_branches,
    merge_convolutions,
)
from kukkiri.upsampling.rewrites.phases import (
    Crop,
    Form,
    PhaseBias,
    PhaseConv,
    sub_pixel_to_transposed,
    transposed_to_sub_pixel,
)
from kukkiri.upsampling.rewrites.resize_conv import (
    ExactBorder,
    bilinear_to_sub_pixel,
    nearest_to_sub_pixel,
    resize_to_sub_pixel,
)

__all__ = [
    "Crop",
    "Engine",
    "ExactBorder",
    "FixedFilter",
    "Form",
    "ParallelBranches",
    "PhaseBias",
    "PhaseConv",
    "PointwiseThenConv",
    "bilinear_to_sub_pixel",
    "merge_branches",
    "merge_convolutions",
    "nearest_to_sub_pixel",
    "optimize",
    "resize_to_sub_pixel",
    "sub_pixel_to_transposed",
    "transposed_to_sub_pixel",
]
