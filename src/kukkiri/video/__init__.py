"""Video: frames in, frames out; every other stream is copied (PyAV, no torch)."""

from kukkiri.video.encoder_table import OUTPUT_CONTAINERS
from kukkiri.video.encoders import EncoderOptions
from kukkiri.video.iterating import iterate
from kukkiri.video.sink import is_partial
from kukkiri.video.source import VideoSource
from kukkiri.video.upscaling import VideoProgress, VideoResult, upscale_video

__all__ = [
    "OUTPUT_CONTAINERS",
    "EncoderOptions",
    "VideoProgress",
    "VideoResult",
    "VideoSource",
    "is_partial",
    "iterate",
    "upscale_video",
]
