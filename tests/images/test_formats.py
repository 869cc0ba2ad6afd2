from pathlib import Path

import pytest

from kukkiri.images.formats import find_output_format, make_printable, recognize


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xdb", "JPEG"),
        (b"GIF87a", "GIF"),
        (b"RIFF\x10\0\0\0WEBPVP8L", "WebP"),
        (b"RIFF\x10\0\0\0AVI LIST", None),
        (b"MM\0*", "TIFF"),
        (b"II+\0\x08\0", "TIFF"),
        (b"\0\0\0\x1cftypavif", "AVIF"),
        (b"\0\0\0\x1cftypmif1", "AVIF"),
        (b"\0\0\0\x1cftypheic", "HEIC"),
        (b"\0\0\0\x1cftypisom", "a video or another ISO media file"),
        (b"<?xml version='1.0'?><!-- a drawing --><svg>", "an SVG drawing"),
        (b"<?xml version='1.0'?><rss>", None),
        (b"", None),
    ],
)
def test_first_bytes_name_the_format(start, name):
    assert recognize(start) == name


def test_suffixes_name_the_format():
    assert find_output_format(Path("a.b.TIFF")).name == "TIFF"
    assert find_output_format(Path("a.webp")).longest_side == 16383


def test_unprintable_characters_are_escaped():
    assert make_printable(Path("ひ a\n\x1b[31m\udcff.png")) == r"ひ a\n\x1b[31m\xff.png"
