"""Tiny clips for tests, made by the ffmpeg program: one function a name, kept for the session.

Each clip lasts about a second and is 64 x 48 unless its name asks otherwise. ``CLIPS`` lists all names; the fixture
``clip`` of ``tests/video/conftest.py`` makes one when it is first asked for.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

__all__ = ["CLIPS", "damage", "make_clip", "needs_ffmpeg", "run_ffmpeg", "truncate"]

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="needs the programs ffmpeg and ffprobe"
)

_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "12", "-pix_fmt", "yuv420p")
_AAC = ("-c:a", "aac", "-b:a", "64k")
_SRT = """1
00:00:00,100 --> 00:00:00,400
Good morning

2
00:00:00,500 --> 00:00:00,900
<i>Guten Morgen</i>, おはよう
"""
_ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, Bold, Italic, Alignment, MarginL, MarginR, MarginV
Style: Default,Serif,20,&H00FFFFFF,0,0,2,10,10,10
Style: Sign,Serif,40,&H0000FFFF,1,0,8,10,10,10

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.10,0:00:00.40,Default,,0,0,0,,Good morning
Dialogue: 0,0:00:00.50,0:00:00.90,Sign,,0,0,0,,{\\pos(10,10)}A sign, with a comma
"""
_CHAPTERS = """;FFMETADATA1
title=A film
artist=Somebody
[CHAPTER]
TIMEBASE=1/1000
START=0
END=400
title=First
[CHAPTER]
TIMEBASE=1/1000
START=400
END=1000
title=Second
"""


def run_ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg on one thread; its message is the error's text when it fails."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")


def _film(*, size: str = "64x48", rate: str = "12", seconds: float = 1.0) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}")


def _tone(*, hertz: int = 440, seconds: float = 1.0) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"sine=frequency={hertz}:duration={seconds}:sample_rate=44100")


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _plain(path: Path) -> None:
    run_ffmpeg(*_film(), *_tone(), *_X264, *_AAC, path)


def _vfr(path: Path) -> None:
    clock = "settb=1/90000,setpts='(N/12+0.013*mod(N,3)+0.2*gte(N,5))/TB'"
    clocks = ("-vsync", "vfr", "-enc_time_base", "1:90000", "-video_track_timescale", "90000")
    run_ffmpeg(*_film(), *_tone(), "-vf", clock, *clocks, *_X264, *_AAC, path)


def _rotated(path: Path) -> None:
    upright = path.with_name(f"upright-{path.name}")
    run_ffmpeg(*_film(), *_tone(), *_X264, *_AAC, upright)
    run_ffmpeg("-i", upright, "-c", "copy", "-metadata:s:v:0", "rotate=90", path)


def _flipped(path: Path) -> None:
    run_ffmpeg(
        *_film(), *_tone(), *_X264, *_AAC, "-bsf:v", "h264_metadata=display_orientation=insert:flip=horizontal", path
    )


def _anamorphic(path: Path) -> None:
    run_ffmpeg(*_film(), *_tone(), "-vf", "setsar=64/45", *_X264, *_AAC, path)


def _tagged_709(path: Path) -> None:
    tags = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv")
    run_ffmpeg(*_film(), *_tone(), *_X264, *tags, *_AAC, path)


def _ten_bit(path: Path) -> None:
    run_ffmpeg(*_film(), *_tone(), *_X264[:-1], "yuv420p10le", *_AAC, path)


def _hdr10(path: Path) -> None:
    blocks = (
        "log-level=none:pools=1:frame-threads=1:hdr10=1:repeat-headers=1:max-cll=1000,400:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    )
    tags = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "tv")
    video = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", blocks)
    run_ffmpeg(*_film(), *_tone(), *video, *tags, *_AAC, path)


def _interlaced(path: Path) -> None:
    fields = ("-vf", "tinterlace=mode=interleave_top", "-flags", "+ilme+ildct", "-x264-params", "tff=1")
    run_ffmpeg(*_film(rate="50", size="64x64"), *_tone(), *fields, *_X264, *_AAC, path)


def _transport_stream(path: Path) -> None:
    run_ffmpeg(*_film(), *_tone(), *_X264, *_AAC, "-output_ts_offset", "10", "-f", "mpegts", path)


def _two_audio(path: Path) -> None:
    late = ("-itsoffset", "0.3", *_tone(seconds=0.7))
    named = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=jpn", "-metadata:s:a:1", "title=Comment")
    roles = ("-disposition:a:0", "0", "-disposition:a:1", "default+comment")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:a")
    run_ffmpeg(*_film(), *_tone(), *late, *maps, *_X264, *_AAC, *named, *roles, path)


def _late_video(path: Path) -> None:
    run_ffmpeg("-itsoffset", "0.5", *_film(seconds=0.5), *_tone(), *_X264, *_AAC, path)


def _srt(path: Path) -> None:
    text = _written(path.with_suffix(".srt"), _SRT)
    maps = (
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-map",
        "2:s",
        "-metadata:s:s:0",
        "language=ger",
        "-disposition:s:0",
        "forced",
    )
    run_ffmpeg(*_film(), *_tone(), "-i", text, *maps, *_X264, *_AAC, "-c:s", "srt", path)


def _mov_text(path: Path) -> None:
    text = _written(path.with_suffix(".srt"), _SRT)
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:s", "-metadata:s:s:0", "language=ger")
    run_ffmpeg(*_film(), *_tone(), "-i", text, *maps, *_X264, *_AAC, "-c:s", "mov_text", path)


def _ass(path: Path) -> None:
    text = _written(path.with_suffix(".ass"), _ASS)
    run_ffmpeg(
        *_film(), *_tone(), "-i", text, "-map", "0", "-map", "1", "-map", "2", *_X264, *_AAC, "-c:s", "ass", path
    )


def _chapters(path: Path) -> None:
    marks = _written(path.with_suffix(".txt"), _CHAPTERS)
    maps = ("-map", "0:v", "-map", "1:a", "-map_metadata", "2", "-map_chapters", "2")
    run_ffmpeg(*_film(), *_tone(), "-i", marks, *maps, *_X264, *_AAC, path)


def _attachment(path: Path) -> None:
    font = path.with_suffix(".ttf")
    font.write_bytes(b"\x00\x01\x00\x00" + bytes(range(256)) * 4)
    named = (
        "-attach",
        font,
        "-metadata:s:t:0",
        "mimetype=application/x-truetype-font",
        "-metadata:s:t:0",
        "filename=a.ttf",
    )
    run_ffmpeg(*_film(), *_tone(), *_X264, *_AAC, *named, path)


def _cover(path: Path) -> None:
    image, film = path.with_suffix(".png"), path.with_name(f"uncovered-{path.name}")
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=32x32", "-frames:v", "1", image)
    _plain(film)
    maps = ("-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic")
    run_ffmpeg("-i", film, "-i", image, *maps, path)


def _two_video(path: Path) -> None:
    maps = ("-map", "0:v", "-map", "1:v", "-map", "2:a")
    run_ffmpeg(*_film(), *_film(size="32x32"), *_tone(), *maps, *_X264, *_AAC, path)


def _time_code(path: Path) -> None:
    run_ffmpeg(*_film(rate="25"), *_tone(), *_X264, *_AAC, "-timecode", "01:02:03:04", path)


def _windows_media(path: Path) -> None:
    run_ffmpeg(*_film(), *_tone(), "-c:v", "wmv2", "-c:a", "wmav2", path)


def _alpha_vp9(path: Path) -> None:
    fade = ("-vf", "format=yuva420p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='4*X'")
    video = (
        "-c:v",
        "libvpx-vp9",
        "-pix_fmt",
        "yuva420p",
        "-deadline",
        "realtime",
        "-cpu-used",
        "8",
        "-auto-alt-ref",
        "0",
    )
    run_ffmpeg(*_film(seconds=0.5), *_tone(seconds=0.5), *fade, *video, "-c:a", "libopus", path)


def _alpha_prores(path: Path) -> None:
    fade = ("-vf", "format=yuva444p10le,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='16*X'")
    video = ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")
    run_ffmpeg(*_film(seconds=0.5), *_tone(seconds=0.5), *fade, *video, "-c:a", "pcm_s16le", path)


def _pixels(pixel_format: str, *options: str) -> Callable[[Path], None]:
    """A maker of a lossless clip in a pixel format."""

    def make(path: Path) -> None:
        run_ffmpeg(
            *_film(seconds=0.5), *_tone(seconds=0.5), "-c:v", "ffv1", "-pix_fmt", pixel_format, *options, *_AAC, path
        )

    return make


def _full_range(path: Path) -> None:
    run_ffmpeg(*_film(), *_tone(), *_X264[:-1], "yuvj420p", *_AAC, path)


def _truncated(path: Path) -> None:
    whole = path.with_name(f"whole-{path.name}")
    _plain(whole)
    truncate(whole, path, share=0.6)


def _damaged(path: Path) -> None:
    whole = path.with_name(f"whole-{path.name}")
    sound = (*_tone(), *_X264, *_AAC) if path.suffix == ".ts" else _X264
    run_ffmpeg(*_film(), *sound, whole)
    damage(whole, path, size=1500 if path.suffix == ".ts" else 200)


def _audio_only(path: Path) -> None:
    run_ffmpeg(*_tone(), *_AAC, path)


CLIPS: dict[str, Callable[[Path], None]] = {
    "plain.mkv": _plain,
    "plain.mp4": _plain,
    "vfr.mkv": _vfr,
    "vfr.mp4": _vfr,
    "rotated.mp4": _rotated,
    "flipped.mp4": _flipped,
    "anamorphic.mkv": _anamorphic,
    "tagged-709.mkv": _tagged_709,
    "ten-bit.mkv": _ten_bit,
    "hdr10.mkv": _hdr10,
    "interlaced.mkv": _interlaced,
    "offset.ts": _transport_stream,
    "two-audio.mkv": _two_audio,
    "two-audio.mp4": _two_audio,
    "late-video.mkv": _late_video,
    "srt.mkv": _srt,
    "mov-text.mp4": _mov_text,
    "ass.mkv": _ass,
    "chapters.mkv": _chapters,
    "chapters.mp4": _chapters,
    "attachment.mkv": _attachment,
    "cover.mp4": _cover,
    "two-video.mkv": _two_video,
    "time-code.mov": _time_code,
    "windows-media.wmv": _windows_media,
    "alpha-vp9.webm": _alpha_vp9,
    "alpha-prores.mov": _alpha_prores,
    "yuv422p.mkv": _pixels("yuv422p"),
    "yuv444p.mkv": _pixels("yuv444p"),
    "yuv420p12.mkv": _pixels("yuv420p12le"),
    "grey.mkv": _pixels("gray"),
    "rgb.mkv": _pixels("bgr0"),
    "full-range.mp4": _full_range,
    "truncated.mkv": _truncated,
    "damaged.mkv": _damaged,
    "damaged.ts": _damaged,
    "audio-only.mkv": _audio_only,
}


def make_clip(name: str, folder: Path) -> Path:
    """Make a clip of ``CLIPS`` in a folder, or return the one that is already there."""
    path = folder / name
    if not path.exists():
        CLIPS[name](path)
    return path


def truncate(source: Path, target: Path, *, share: float) -> None:
    """Keep the first share of a file's bytes, as a broken download does."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])


def damage(source: Path, target: Path, *, at: float = 0.5, size: int = 40) -> None:
    """Overwrite bytes of a file with 0xff, beginning at a share of its length."""
    data = bytearray(source.read_bytes())
    start = int(len(data) * at)
    data[start : start + size] = b"\xff" * len(data[start : start + size])
    target.write_bytes(data)
