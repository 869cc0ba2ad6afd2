"""Presets, quality scales and defaults of the encoders: data that libav does not check, or checks silently."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ALIASES", "ENCODERS", "OUTPUT_CONTAINERS", "EncoderFacts"]

OUTPUT_CONTAINERS: Mapping[str, str] = {
    ".mkv": "matroska",
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".webm": "webm",
}
"""Suffixes of clips that can be written, and libav's names of their containers."""

_X26X = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"),
    "placebo",
)
_TUNES = ("animation", "fastdecode", "grain", "psnr", "ssim", "zerolatency")
_X264_TUNES = (*_TUNES, "film", "stillimage")
_NVENC = ("p1", "p2", "p3", "p4", "p5", "p6", "p7", "fast", "medium", "slow")


@dataclass(frozen=True)
class EncoderFacts:
    """Facts about one encoder that libav does not tell."""

    presets: tuple[str, ...] = ()
    """Names that ``preset`` takes, quick to slow."""
    preset_option: str = "preset"
    """Name of libav's option for it."""
    preset: str | None = None
    """The default."""
    crf_range: tuple[float, float] | None = None
    """Of the quality number; ``None``: it has none."""
    crf: float | None = None
    """The default."""
    crf_options: Mapping[str, str] = field(default_factory=lambda: {"crf": "{}"})
    """Options that set the quality number."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Options that are always set."""
    delay: int | None = None
    """Largest number of frames that are decoded ahead of one that is shown; ``None``: libav knows it."""
    one_gop: bool = False
    """Every frame is a keyframe."""
    tunes: tuple[str, ...] = ()
    """Names that its option ``tune`` takes."""
    without: tuple[str, ...] = ()
    """Sample formats that libav lists and the encoder refuses."""


def _nvenc() -> EncoderFacts:
    crf = {"rc": "vbr", "b": "0", "cq": "{}"}
    return EncoderFacts(_NVENC, preset="p5", crf_range=(1, 51), crf=19, crf_options=crf, delay=4)


def _qsv() -> EncoderFacts:
    crf = {"global_quality": "{}"}
    return EncoderFacts(_X26X[2:-1], preset="medium", crf_range=(1, 51), crf=20, crf_options=crf, delay=4)


def _amf() -> EncoderFacts:
    crf = {"rc": "cqp", "qp_i": "{}", "qp_p": "{}"}
    names = ("speed", "balanced", "quality")
    return EncoderFacts(names, "quality", "quality", (0, 51), 20, crf, delay=4)


_LOSSLESS = EncoderFacts(delay=0, one_gop=True)
_QSCALE = {"flags": "+qscale", "global_quality": "{}"}

ENCODERS: Mapping[str, EncoderFacts] = {
    "libx264": EncoderFacts(_X26X, preset="veryfast", crf_range=(0, 51), crf=18, tunes=_X264_TUNES),
    "libx264rgb": EncoderFacts(_X26X, preset="veryfast", crf_range=(0, 51), crf=18, tunes=_X264_TUNES),
    "libx265": EncoderFacts(
        _X26X,
        preset="veryfast",
        crf_range=(0, 51),
        crf=20,
        delay=2,
        tunes=_TUNES,
        without=("yuva420p", "yuva420p10le"),  # x265 was built without alpha
    ),
    "libsvtav1": EncoderFacts(
        tuple(str(number) for number in range(13, -1, -1)), preset="8", crf_range=(1, 63), crf=24, delay=0
    ),
    "libvpx-vp9": EncoderFacts(
        tuple(str(number) for number in range(8, -1, -1)),
        preset_option="cpu-used",
        preset="4",
        crf_range=(0, 63),
        crf=24,
        crf_options={"crf": "{}", "b": "0"},
        options={"deadline": "good", "row-mt": "1"},
        delay=0,
        without=("yuva422p", "yuva444p", "gbrap"),
    ),
    "prores_ks": EncoderFacts(
        ("proxy", "lt", "standard", "hq", "4444", "4444xq"), preset_option="profile", delay=0, one_gop=True
    ),
    "ffv1": EncoderFacts(options={"level": "3", "slicecrc": "1", "g": "1"}, delay=0, one_gop=True),
    "mpeg4": EncoderFacts(crf_range=(1, 31), crf=3, crf_options=_QSCALE),
    "mpeg2video": EncoderFacts(crf_range=(1, 31), crf=3, crf_options=_QSCALE),
    "mjpeg": EncoderFacts(crf_range=(1, 31), crf=3, crf_options=_QSCALE, delay=0, one_gop=True),
    "ffvhuff": _LOSSLESS,
    "utvideo": _LOSSLESS,
    "magicyuv": _LOSSLESS,
    "dnxhd": EncoderFacts(delay=0, one_gop=True),
    **{f"{codec}_nvenc": _nvenc() for codec in ("h264", "hevc", "av1")},
    **{f"{codec}_qsv": _qsv() for codec in ("h264", "hevc", "av1")},
    **{f"{codec}_amf": _amf() for codec in ("h264", "hevc", "av1")},
    **{f"{codec}_videotoolbox": EncoderFacts(delay=4) for codec in ("h264", "hevc")},
}
"""Encoders that can be asked for by name, those of graphics cards among them."""

ALIASES: Mapping[str, str] = {
    "x264": "libx264",
    "h264": "libx264",
    "x265": "libx265",
    "h265": "libx265",
    "hevc": "libx265",
    "av1": "libsvtav1",
    "svtav1": "libsvtav1",
    "vp9": "libvpx-vp9",
    "prores": "prores_ks",
}
"""Names that people say, and the encoder that is meant."""
