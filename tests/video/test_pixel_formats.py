"""Working layouts of FFmpeg's pixel formats, and conversions to them."""

import numpy as np
import pytest

from kukkiri.errors import VideoError
from kukkiri.video.pixel_formats import PixelFormat, to_working

av = pytest.importorskip("av", reason="needs the extra video")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("yuv420p", PixelFormat("yuv420p", "yuv", 8, (2, 2))),
        ("yuvj420p", PixelFormat("yuv420p", "yuv", 8, (2, 2))),
        ("nv12", PixelFormat("yuv420p", "yuv", 8, (2, 2))),
        ("p010le", PixelFormat("yuv420p10le", "yuv", 10, (2, 2))),
        ("yuyv422", PixelFormat("yuv422p", "yuv", 8, (2, 1))),
        ("yuv440p", PixelFormat("yuv440p", "yuv", 8, (1, 2))),
        ("yuv411p", PixelFormat("yuv422p", "yuv", 8, (2, 1))),
        ("yuv420p10be", PixelFormat("yuv420p10le", "yuv", 10, (2, 2))),
        ("yuva444p12le", PixelFormat("yuva444p12le", "yuva", 12, (1, 1))),
        ("gray10le", PixelFormat("gray10le", "y", 10)),
        ("monow", PixelFormat("gray", "y", 8)),
        ("bgr0", PixelFormat("gbrp", "rgb", 8)),
        ("pal8", PixelFormat("gbrap", "rgba", 8)),
        ("ya8", PixelFormat("gbrap", "rgba", 8)),
        ("rgb48be", PixelFormat("gbrp16le", "rgb", 16)),
    ],
)
def test_the_working_layout(name: str, expected: PixelFormat) -> None:
    assert PixelFormat.of(name) == expected


def test_every_format_of_a_decoder_has_a_planar_layout_of_8_to_16_bits() -> None:
    formats = {
        form.name
        for name in (
            "h264",
            "hevc",
            "vp9",
            "av1",
            "mpeg2video",
            "prores",
            "ffv1",
            "png",
            "utvideo",
            "dvvideo",
            "rawvideo",
        )
        for form in av.codec.Codec(name, "r").video_formats or ()
    } | {"yuv420p", "yuv422p10le", "yuva444p16le", "gbrp14le", "uyvy422", "v30xle", "rgb565le", "xyz12le", "grayf32le"}
    for name in formats:
        try:
            working = PixelFormat.of(name)
        except VideoError:
            continue  # surfaces of graphics cards
        again = PixelFormat.of(working.name)
        assert again == working
        assert 8 <= working.depth <= 16


@pytest.mark.parametrize("name", ["bayer_rggb8", "vaapi"])
def test_what_has_no_planes_is_refused(name: str) -> None:
    with pytest.raises(VideoError, match=f"pixel format {name}: no planes of brightness and colour"):
        PixelFormat.of(name)


def test_lossy_conversions_are_said() -> None:
    assert "chroma is interpolated to yuv422p" in PixelFormat.of("yuv411p").loss_from("yuv411p")
    assert "rounded to 16 bits" in PixelFormat.of("gbrpf32le").loss_from("gbrpf32le")
    assert PixelFormat.of("nv12").loss_from("nv12") == ""


def _noise(name: str, rng: np.random.Generator):
    frame = av.VideoFrame(32, 16, name)
    depth = PixelFormat.of(name).depth
    for plane in frame.planes:
        samples = np.frombuffer(plane, np.uint8 if depth == 8 else "<u2")
        samples[:] = rng.integers(0, 2**depth, samples.shape)
    return frame


def _samples(frame, depth: int) -> list[np.ndarray]:
    kind = np.dtype(np.uint8 if depth == 8 else "<u2")
    return [np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width].copy() for plane in frame.planes]


@pytest.mark.parametrize(
    "packed",
    [
        *("nv12", "yuyv422", "uyvy422", "p010le", "p210le", "nv16", "nv24", "y210le", "v30xle", "vuya", "yuv420p10be"),
        *("rgb24", "bgr0", "bgra", "rgb48le", "x2rgb10le"),
    ],
)
def test_packed_formats_come_apart_without_loss(packed: str, rng: np.random.Generator) -> None:
    working = PixelFormat.of(packed)
    planar = _noise(working.name, rng)
    back = to_working(planar.reformat(format=packed), working)
    assert back.format.name == working.name
    for before, after in zip(_samples(planar, working.depth), _samples(back, working.depth), strict=True):
        assert np.array_equal(before, after)


def test_full_range_names_are_handed_on_untouched(rng: np.random.Generator) -> None:
    frame = _noise("yuvj420p", rng)
    assert to_working(frame, PixelFormat.of("yuvj420p")) is frame
    plain = _noise("yuv420p", rng)
    assert to_working(plain, PixelFormat.of("yuv420p")) is plain
