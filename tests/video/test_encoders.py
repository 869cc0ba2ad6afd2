"""The choice of the encoder, and what is refused before any work."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from kukkiri.errors import BackendError, ConfigError
from kukkiri.video.encoders import EncoderOptions, choose_encoder
from kukkiri.video.sample_formats import SampleFormat, find_nearest
from kukkiri.video.side_data import ContentLight, MasteringDisplay

av = pytest.importorskip("av")


@dataclass(frozen=True)
class Facts:
    """The facts of a source that the choice asks for."""

    rate: Fraction | None = Fraction(24)
    mastering_display: MasteringDisplay | None = None
    content_light: ContentLight | None = None


def choose(name: str = "large.mkv", *, frames: str = "yuv420p", size=(96, 128), info: Any = None, **wishes: Any):
    options = EncoderOptions(**wishes)
    return choose_encoder(options, path=Path(name), size=size, pix_fmt=frames, info=info or Facts())


@pytest.mark.parametrize(
    ("name", "pix_fmt", "expected"),
    [
        ("a.mkv", "yuv420p", "libx264 yuv420p, preset veryfast, crf 18"),
        ("a.mp4", "yuv422p", "libx264 yuv422p, preset veryfast, crf 18"),
        ("a.mov", "yuv420p10le", "libx265 yuv420p10le, preset veryfast, crf 20"),
        ("a.mkv", "yuv444p16le", "ffv1 yuv444p16le"),
        ("a.mkv", "gbrp", "libx264rgb bgr0, preset veryfast, crf 18"),
        ("a.mkv", "yuva420p", "ffv1 yuva420p"),
        ("a.mkv", "yuva444p10le", "prores_ks yuva444p10le, preset 4444"),
        ("a.mov", "yuva444p10le", "prores_ks yuva444p10le, preset 4444"),
        ("a.webm", "yuva420p", "libvpx-vp9 yuva420p, preset 4, crf 24"),
        ("a.webm", "yuv420p10le", "libsvtav1 yuv420p10le, preset 8, crf 24"),
    ],
)
def test_default_keeps_what_frames_hold(name, pix_fmt, expected):
    choice = choose(name, frames=pix_fmt)
    assert choice.describe() == expected
    assert choice.notes == ()


def test_losses_that_cannot_be_avoided_are_told():
    assert choose("a.mp4", frames="yuva420p").notes == ("transparency is dropped: libx264 in .mp4 cannot hold it.",)
    rounded = choose("a.mkv", frames="yuva444p12le")  # programs of yesterday read no FFV1 of 12 bits with transparency
    assert rounded.notes == ("12 bits are rounded to 10: prores_ks in .mkv cannot hold more.",)
    assert choose("a.mp4", frames="gray16le").notes == ("16 bits are rounded to 12: libx265 in .mp4 cannot hold more.",)


def test_odd_sizes_need_no_even_chroma():
    assert choose("a.mkv", size=(97, 129)).describe() == "libvpx-vp9 yuv420p, preset 4, crf 24"
    assert choose("a.mov", size=(97, 129)).pix_fmt == "yuv444p"


def test_a_sample_format_that_is_asked_for_chooses_its_encoder():
    assert choose(pix_fmt="yuv420p10le").describe() == "libx265 yuv420p10le, preset veryfast, crf 20"


def test_keyframes_follow_the_rate():
    assert choose(keyframe_seconds=0.5).options["g"] == "12"


def test_hdr10_blocks_reach_encoders_that_write_them():
    mastering = MasteringDisplay(
        *[(Fraction(1, 4), Fraction(1, 2))] * 4, max_luminance=Fraction(1000), min_luminance=Fraction(1, 10000)
    )
    info = Facts(mastering_display=mastering, content_light=ContentLight(1000, 400))
    params = choose(frames="yuv420p10le", info=info).options["x265-params"]
    assert f"master-display={mastering.as_x265()}" in params
    assert "max-cll=1000,400" in params
    (note,) = choose(frames="yuv420p10le", info=info, encoder="libx264").notes
    assert "does not write the HDR10 blocks" in note


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"encoder": "libx263"}, "unknown encoder 'libx263'; did you mean"),
        ({"encoder": "aac"}, "unknown encoder 'aac'"),
        ({"encoder": "x264", "preset": "fastest"}, "no preset 'fastest'; did you mean 'faster'"),
        ({"encoder": "ffv1", "preset": "fast"}, "ffv1 has no presets"),
        ({"crf": 60}, "crf from 0 \\(best\\) to 51, got 60"),
        ({"encoder": "ffv1", "crf": 3}, "ffv1 has no crf"),
        ({"pix_fmt": "yuv420q"}, "unknown pix_fmt 'yuv420q'"),
        ({"encoder": "x264", "pix_fmt": "yuv420p12le"}, "takes no pix_fmt 'yuv420p12le'; did you mean 'yuv420p10le'"),
        ({"extra": {"nonsense": "1"}}, "has no option 'nonsense'"),
        ({"extra": {"tune": "anime"}}, "no tune 'anime'"),
        ({"extra": {"crf": "3"}}, "keyword of its own"),
        ({"encoder": "prores", "name": "a.mp4"}, ".mp4 cannot hold what prores_ks writes"),
        ({"name": "a.avi"}, "cannot be written as .avi"),
        ({"keyframe_seconds": 0}, "keyframes every 0 s"),
    ],
)
def test_nonsense_is_refused(wishes, message):
    with pytest.raises(ConfigError, match=message):
        choose(**wishes)


def test_an_encoder_of_missing_hardware_is_refused():
    with pytest.raises(BackendError, match=r"h264_amf cannot be used here .* Choose another encoder"):
        choose("a.mp4", encoder="h264_amf")


def test_the_nearest_format_loses_least():
    formats = ["yuv420p", "yuv444p", "yuv422p10le", "gray"]
    assert find_nearest(SampleFormat.of("yuv444p"), formats) == "yuv444p"
    assert find_nearest(SampleFormat.of("yuv422p"), ["yuv420p", "yuv444p"]) == "yuv444p"
    assert find_nearest(SampleFormat.of("yuv420p10le"), formats) == "yuv422p10le"
    assert find_nearest(SampleFormat.of("gray"), ["yuv444p", "yuv420p"]) == "yuv420p"
