"""Any image through a network: engines, tiles, memory, self-ensemble, colour and alpha (no torch)."""

from kukkiri.inference.choosing import INTERPOLATIONS, Domain
from kukkiri.inference.engine import Engine, Footprint, OnnxEngine, usable_threads
from kukkiri.inference.file_jobs import FileJob
from kukkiri.inference.folders import FileResult, FolderRun
from kukkiri.inference.presets import PRESETS, Preset
from kukkiri.inference.providers import Provider, available
from kukkiri.inference.tiling import SeamScore
from kukkiri.inference.upscaler import Plan, Upscaler, upscale

__all__ = [
    "INTERPOLATIONS",
    "PRESETS",
    "Domain",
    "Engine",
    "FileJob",
    "FileResult",
    "FolderRun",
    "Footprint",
    "OnnxEngine",
    "Plan",
    "Preset",
    "Provider",
    "SeamScore",
    "Upscaler",
    "available",
    "upscale",
    "usable_threads",
]
