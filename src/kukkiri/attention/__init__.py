"""Attention over channels, of first and second order, and over positions (non-local)."""

from kukkiri.attention.covariance import centre_crop, covariance_pool
from kukkiri.attention.matrix_sqrt import matrix_sqrt
from kukkiri.attention.non_local import NonLocal, RegionalNonLocal
from kukkiri.attention.second_order import SecondOrderChannelAttention
from kukkiri.attention.squeeze_excitation import ChannelAttention, SqueezeExcitation

__all__ = [
    "ChannelAttention",
    "NonLocal",
    "RegionalNonLocal",
    "SecondOrderChannelAttention",
    "SqueezeExcitation",
    "centre_crop",
    "covariance_pool",
    "matrix_sqrt",
]
