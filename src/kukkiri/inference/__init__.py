"""Any image through a network: engines, tiles, memory, self-ensemble, colour and alpha (no torch)."""

from kukkiri.inference.choosing import INTERPOLATIONS
from kukkiri.inference.engine import Engine, Footprint, OnnxEngine, count_usable_threads
from kukkiri.inference.ensemble import Ensemble
from kukkiri.inference.families import Domain
from kukkiri.inference.file_jobs import FileJob
from kukkiri.inference.file_results import ClipOutcome, FileProgress, FileResult, RemoteFacts
from kukkiri.inference.folders import FolderRun
from kukkiri.inference.half_precision import Precision
from kukkiri.inference.one_image import upscale
from kukkiri.inference.options import UpscalerOptions
from kukkiri.inference.planning import Plan
from kukkiri.inference.presets import PRESETS, Preset
from kukkiri.inference.providers import Provider, try_providers
from kukkiri.inference.sizes import TargetSize
from kukkiri.inference.tiling import SeamScore
from kukkiri.inference.upscaler import Upscaler

__all__ = [
    "INTERPOLATIONS",
    "PRESETS",
    "ClipOutcome",
    "Domain",
    "Engine",
    "Ensemble",
    "FileJob",
    "FileProgress",
    "FileResult",
    "FolderRun",
    "Footprint",
    "OnnxEngine",
    "Plan",
    "Precision",
    "Preset",
    "Provider",
    "RemoteFacts",
    "SeamScore",
    "TargetSize",
    "Upscaler",
    "UpscalerOptions",
    "count_usable_threads",
    "try_providers",
    "upscale",
]
