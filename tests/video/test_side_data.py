"""Side data of frames: HDR10 blocks in the encoders' syntax, display matrices."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from kukkiri.video.side_data import (
    ContentLight,
    MasteringDisplay,
    read_content_light,
    read_display_matrix,
    read_mastering_display,
)
from kukkiri.video.source import VideoSource
from tests.video.clips import needs_ffmpeg

pytest.importorskip("av", reason="needs the extra video")

P3 = MasteringDisplay(
    red=(Fraction(34000, 50000), Fraction(16000, 50000)),
    green=(Fraction(13250, 50000), Fraction(34500, 50000)),
    blue=(Fraction(7500, 50000), Fraction(3000, 50000)),
    white=(Fraction(15635, 50000), Fraction(16450, 50000)),
    max_luminance=Fraction(1000),
    min_luminance=Fraction(1, 10000),
)


def test_the_syntax_of_x265_and_svtav1() -> None:
    assert P3.as_x265() == "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    assert P3.as_svtav1() == (
        "G(0.26500,0.69000)B(0.15000,0.06000)R(0.68000,0.32000)WP(0.31270,0.32900)L(1000.0000,0.0001)"
    )
    assert ContentLight(1000, 400).as_x265() == ContentLight(1000, 400).as_svtav1() == "1000,400"


@needs_ffmpeg
def test_the_blocks_of_a_clip_are_read(clip: Callable[[str], Path]) -> None:
    with VideoSource(clip("hdr10.mkv")) as source:
        assert source.info.mastering_display == P3
        assert source.info.content_light == ContentLight(max_content=1000, max_average=400)


def test_incomplete_blocks_count_as_missing() -> None:
    fractions = [1, 2] * 10
    whole = struct.pack("=22i", *fractions, 1, 1)
    assert read_mastering_display({"MASTERING_DISPLAY_METADATA": whole}) is not None
    no_luminance = struct.pack("=22i", *fractions, 1, 0)
    assert read_mastering_display({"MASTERING_DISPLAY_METADATA": no_luminance}) is None
    no_divisor = struct.pack("=22i", *([1, 0] * 10), 1, 1)
    assert read_mastering_display({"MASTERING_DISPLAY_METADATA": no_divisor}) is None
    assert read_mastering_display({}) is None
    assert read_content_light({"CONTENT_LIGHT_LEVEL": struct.pack("=2I", 0, 0)}) is None
    assert read_content_light({}) is None
    assert read_display_matrix({"DISPLAYMATRIX": b"short"}) is None
    assert read_display_matrix({"DISPLAYMATRIX": struct.pack("=9i", *range(9))}) == tuple(range(9))
