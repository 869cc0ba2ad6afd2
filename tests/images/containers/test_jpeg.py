import io
import struct

import pytest
import pyvips
from PIL import Image, IptcImagePlugin

from kukkiri.images import Metadata, read_image
from kukkiri.images.containers import jpeg
from tests.images.conftest import IPTC, XMP, by_pillow, encode, exif_tags


def with_segment(data: bytes, marker: int, content: bytes) -> bytes:
    return data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content + data[2:]


def bare(pixels) -> bytes:
    return encode(pixels(8, 8, 3), "jpeg", keep=0)


def test_embedded_metadata_is_read_by_other_programs(pixels, make_exif, display_p3):
    metadata = Metadata(icc=display_p3, exif=make_exif().block, xmp=XMP % 1, iptc=IPTC, resolution=(300.0, 150.0))
    data, notes = jpeg.embed(bare(pixels), metadata)
    assert notes == []
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == display_p3
        assert image.info["xmp"] == XMP % 1
        assert image.info["dpi"] == (300, 150)
        assert image.getexif()[0x010F] == "Acme"
        assert IptcImagePlugin.getiptcinfo(image) == {(2, 5): b"Hi"}
    seen = pyvips.Image.jpegload_buffer(data)
    assert exif_tags(seen.get("exif-data")) == make_exif().tags
    assert seen.get("icc-profile-data") == display_p3


def test_pixels_are_not_touched(pixels, make_exif):
    data, _ = jpeg.embed(bare(pixels), Metadata(exif=make_exif().block))
    assert data.endswith(bare(pixels)[-300:])
    assert data[:4] == b"\xff\xd8\xff\xe0"
    assert data.count(b"JFIF\0") == 1


@pytest.mark.parametrize("length", [65533, 65534, 200_000])
def test_long_profiles_and_captions_are_cut_into_segments_and_joined_again(pixels, length):
    profile, captions = (bytes(range(256)) * 800)[:length], b"8BIM" + bytes(length)
    data, notes = jpeg.embed(bare(pixels), Metadata(icc=profile, iptc=captions))
    assert notes == []
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == profile
    assert jpeg.extract_iptc(data) == captions


def test_blocks_too_large_for_a_segment_are_noted(pixels):
    data, notes = jpeg.embed(bare(pixels), Metadata(icc=bytes(2**24), xmp=bytes(65505)))
    assert notes == [
        "XMP of 65505 bytes is too large for JPEG and was dropped",
        "the colour profile is too large for JPEG and was dropped",
    ]
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    assert jpeg.embed(bare(pixels), Metadata(xmp=bytes(65504)))[1] == []


def test_resolution_comes_from_jfif_in_inches_or_centimetres_else_from_exif(tmp_path, pixels, make_exif):
    data, _ = jpeg.embed(bare(pixels), Metadata())
    unit = data.index(b"JFIF\0") + 7
    for code, expected in ((0, None), (1, (100, 50)), (2, (254, 127))):
        patched = data[:unit] + struct.pack(">BHH", code, 100, 50) + data[unit + 5 :]
        assert jpeg.read_resolution(patched) == (expected and pytest.approx(expected))
    from kukkiri.images.exif import make_resolution_block

    block = by_pillow(pixels(8, 8, 3), "JPEG", exif=b"Exif\0\0" + make_resolution_block(350.0, 175.0))
    assert jpeg.read_resolution(block) is None
    (tmp_path / "a.jpg").write_bytes(block)
    assert read_image(tmp_path / "a.jpg").metadata.resolution == (350, 175)


def test_further_images_and_further_xmp_are_noticed(tmp_path, pixels):
    plain = bare(pixels)
    gain_map = with_segment(plain, 0xE2, b"MPF\0II*\0" + bytes(40))
    extended = with_segment(plain, 0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(80))
    assert not jpeg.find_further_images(plain)
    assert not jpeg.has_extended_xmp(plain)
    for data, note in ((gain_map, "only the main image"), (extended, "extended part of its XMP")):
        (tmp_path / "a.jpg").write_bytes(data)
        (found,) = read_image(tmp_path / "a.jpg").notes
        assert note in found


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\0", b"\xff\xd8\xff\xff\xff\xff"]
)
def test_cut_files_hold_nothing(data):
    assert jpeg.extract_iptc(data) is None
    assert jpeg.read_resolution(data) is None
    assert not jpeg.find_further_images(data)
