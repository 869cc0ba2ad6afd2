"""Learned upsampling: the layers, their start, the matrices behind them, and their exact rewrites."""

from kukkiri.upsampling.icnr import Enlargement, enlargement_taps, icnr_, icnr_transposed_

__all__ = ["Enlargement", "enlargement_taps", "icnr_", "icnr_transposed_"]
