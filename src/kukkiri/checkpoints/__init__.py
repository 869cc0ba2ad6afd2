"""Checkpoints: safe load and save, foreign files recognized by their keys, and the ONNX writer (torch)."""

from kukkiri.checkpoints.description import describe
from kukkiri.checkpoints.loading import Loaded, load, load_for_scale
from kukkiri.checkpoints.onnx import export_onnx
from kukkiri.checkpoints.safetensors import read_safetensors, save_safetensors, tensors_sha256

__all__ = [
    "Loaded",
    "describe",
    "export_onnx",
    "load",
    "load_for_scale",
    "read_safetensors",
    "save_safetensors",
    "tensors_sha256",
]
