"""Nothing is lost: every stream and timestamp of a clip, before and after, as ffprobe reads them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kukkiri.inference import Upscaler
from kukkiri.video import upscale_video
from tests.video.clips import needs_ffmpeg, run_ffmpeg
from tests.video.survival import CASES, Case, compare

pytest.importorskip("av", reason="needs the extra video")

pytestmark = needs_ffmpeg

_ALWAYS = {
    *("vfr.mp4-mp4", "rotated.mp4-mkv", "hdr10.mkv-mp4", "interlaced.mkv-mkv", "offset.ts-mp4", "two-audio.mkv-mkv"),
    *("srt.mkv-mp4", "chapters.mp4-mkv", "cover.mp4-mp4", "alpha-vp9.webm-mkv", "truncated.mkv-mkv"),
}
"""Pairs that the gate has time for, one of each kind; the others run at night."""
_PAIRS = [
    pytest.param(case, suffix, marks=[] if name in _ALWAYS else pytest.mark.nightly, id=name)
    for case in CASES
    for suffix in ("mkv", "mp4")
    for name in [f"{case.clip}-{suffix}"]
]


@pytest.fixture(scope="module")
def upscaler() -> Upscaler:
    return Upscaler("plain-xs", scale=2, threads=1, workers=1)


@pytest.mark.parametrize(("case", "suffix"), _PAIRS)
def test_a_clip_survives(
    case: Case, suffix: str, clip: Callable[[str], Path], upscaler: Upscaler, tmp_path: Path
) -> None:
    source, output = clip(case.clip), tmp_path / f"larger.{suffix}"
    result = upscale_video(source, output, model=upscaler, workers=1)
    expected = case.to_mkv if suffix == "mkv" else case.to_mp4
    assert len(result.notes) == len(expected), result.notes
    for note, start in zip(result.notes, expected, strict=True):
        assert note.startswith(start)
    assert list(compare(source, output)) == list(case.lost_in_mp4 if suffix == "mp4" else ())


def test_the_comparison_finds_what_careless_tools_lose(clip: Callable[[str], Path], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.mkv"
    constant_rate = ("-vf", "scale=2*iw:2*ih", "-r", "12", "-c:v", "libx264", "-c:a", "aac", "-ar", "22050")
    run_ffmpeg("-i", clip("vfr.mp4"), *constant_rate, wrong)
    assert {"times of stream 0", "stream 1, bytes"} <= compare(clip("vfr.mp4"), wrong).keys()
    run_ffmpeg("-noautorotate", "-i", clip("rotated.mp4"), *constant_rate, "-metadata:s:v", "rotate=0", wrong)
    assert "rotation" in compare(clip("rotated.mp4"), wrong)
    run_ffmpeg("-i", clip("two-audio.mkv"), *constant_rate, "-pix_fmt", "yuv444p", "-vf", "setsar=2", wrong)
    assert {"size", "sample_aspect_ratio", "pixel format", "streams"} <= compare(clip("two-audio.mkv"), wrong).keys()
