"""Checkpoints: safe load and save, foreign files recognized by their keys, and the ONNX writer (torch)."""

from kukkiri.checkpoints.description import describe
from kukkiri.checkpoints.interpolation import interpolate_weights
from kukkiri.checkpoints.loading import Loaded, load, load_for_scale
from kukkiri.checkpoints.onnx import export_onnx
from kukkiri.checkpoints.safetensors import read_safetensors, save_safetensors, tensors_sha256

__all__ = [
    "Loaded",
    "describe",
    "export_onnx",
    "interpolate_weights",
    "load",
    "load_for_scale",
    "read_safetensors",
    "save_safetensors",
    "tensors_sha256",
]
