import io
import struct
import zlib

import pyvips
from PIL import Image, PngImagePlugin

from kukkiri.images import Metadata
from kukkiri.images.containers import png
from tests.images.conftest import XMP, by_pillow, encode


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(data: bytes, kind: bytes, content: bytes, *, before: bytes) -> bytes:
    at = data.index(before) - 4
    return data[:at] + chunk(kind, content) + data[at:]


def test_metadata_behind_the_pixels_is_found(pixels, make_exif):
    data = encode(pixels(4, 4, 3), "png", keep=0)
    for kind, content in (
        (b"eXIf", make_exif(6).block),
        (b"tEXt", b"Title\0late"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP % 1),
    ):
        data = with_chunk(data, kind, content, before=b"IEND")
    found = png.extract(data, icc=None)
    assert found.exif == make_exif(6).block
    assert found.xmp == XMP % 1
    assert found.png_text == (b"tEXtTitle\0late",)


def test_xmp_is_found_in_every_kind_of_text_chunk(pixels):
    plain, packed = XMP % 1, zlib.compress(XMP % 1)
    keyword = b"XML:com.adobe.xmp\0"
    for kind, content in (
        (b"tEXt", plain),
        (b"zTXt", b"\0" + packed),
        (b"iTXt", b"\0\0\0\0" + plain),
        (b"iTXt", b"\1\0x-default\0key\0" + packed),
    ):
        data = with_chunk(encode(pixels(4, 4, 3), "png"), kind, keyword + content, before=b"IDAT")
        assert png.extract(data, icc=None).xmp == plain


def test_a_text_bomb_is_cut(pixels, monkeypatch):
    monkeypatch.setattr(png, "_TEXT_LIMIT", 1000)
    bomb = zlib.compress(bytes(2**20))
    data = with_chunk(encode(pixels(4, 4, 3), "png"), b"zTXt", b"XML:com.adobe.xmp\0\0" + bomb, before=b"IDAT")
    assert len(png.extract(data, icc=None).xmp) == 1000


def test_damaged_compressed_text_is_no_text(pixels):
    data = with_chunk(encode(pixels(4, 4, 3), "png"), b"zTXt", b"XML:com.adobe.xmp\0\0junk", before=b"IDAT")
    assert png.extract(data, icc=None).xmp is None


def test_an_animation_of_one_frame_is_a_still_image(pixels):
    still = encode(pixels(4, 4, 3), "png")
    for frames, animated in ((1, False), (2, True)):
        data = with_chunk(still, b"acTL", struct.pack(">II", frames, 0), before=b"IDAT")
        assert png.is_animated(data) == animated
    assert not png.is_animated(still)
    assert not png.is_animated(b"\x89PNG\r\n\x1a\n")


def test_embedded_metadata_is_read_by_other_programs(pixels, make_exif, display_p3):
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Author", "海")
    text.add_text("Title", "A sea", zip=True)
    source = png.extract(by_pillow(pixels(4, 4, 3), "PNG", pnginfo=text), icc=None)
    metadata = Metadata(
        icc=display_p3, exif=make_exif().block, xmp=XMP % 1, resolution=(96.0, 48.0), png_text=source.png_text
    )
    data = png.embed(encode(pixels(4, 4, 3), "png", keep=0), metadata)
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["icc_profile"] == display_p3
        assert image.info["XML:com.adobe.xmp"] == (XMP % 1).decode()
        assert image.text["Author"] == "海"
        assert image.text["Title"] == "A sea"
        assert image.getexif()[0x010F] == "Acme"
        assert [round(density) for density in image.info["dpi"]] == [96, 48]
    assert pyvips.Image.pngload_buffer(data, fail_on="warning").get("icc-profile-data") == display_p3


def test_every_checksum_is_true(pixels, make_exif):
    data = png.embed(encode(pixels(4, 4, 3), "png", keep=0), Metadata(exif=make_exif().block, xmp=XMP % 1))
    position = 8
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        assert data[position + 8 + length :][:4] == struct.pack(">I", zlib.crc32(data[position + 4 :][: 4 + length]))
        position += 12 + length
    assert position == len(data)


def test_a_profile_hides_the_simpler_colour_chunks(pixels):
    data = with_chunk(encode(pixels(4, 4, 3), "png"), b"gAMA", struct.pack(">I", 45455), before=b"IDAT")
    assert png.extract(data, icc=None).png_colour == {b"gAMA": struct.pack(">I", 45455)}
    assert png.extract(data, icc=b"profile").png_colour == {}
