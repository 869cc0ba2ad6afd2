"""Comments of JPEG and GIF are kept where the target has a place for them, and noted elsewhere."""

import io

import PIL.Image
import pytest
import tifffile

from kukkiri.images import read_image
from kukkiri.images.containers import gif
from tests.cases.made_files import exif, jpeg, page, scene, tiff

WORDS = {
    "ascii": b"scanned from box 12",
    "utf-8": "aus Kiste zwölf".encode(),
    "latin-1": "Kiste zwölf".encode("latin-1"),
}


def gif_of(comment: bytes) -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(scene(40, 60)).convert("P").save(out, "GIF", comment=comment)
    return out.getvalue()


@pytest.fixture(params=["jpeg", "gif"])
def source(request):
    return {"jpeg": lambda words: jpeg(scene(40, 60), comment=words), "gif": gif_of}[request.param]


@pytest.mark.parametrize("kind", WORDS)
def test_a_comment_goes_into_every_format(tmp_path, source, kind):
    (tmp_path / "a").write_bytes(source(WORDS[kind]))
    image = read_image(tmp_path / "a")
    assert image.metadata.comments == (WORDS[kind],)
    for suffix in ("jpg", "png", "tif", "webp", "avif"):
        assert image.save(tmp_path / f"r.{suffix}") == []
    with PIL.Image.open(tmp_path / "r.jpg") as opened:
        assert opened.info["comment"] == WORDS[kind]
    with PIL.Image.open(tmp_path / "r.png") as opened:
        encoding = "latin-1" if kind == "latin-1" else "utf-8"
        assert opened.text["Comment"] == WORDS[kind].decode(encoding)
    for suffix in ("tif", "webp", "avif"):
        assert WORDS[kind] in (tmp_path / f"r.{suffix}").read_bytes()
        with PIL.Image.open(tmp_path / f"r.{suffix}") as opened:
            assert 0x010E in opened.getexif()


def test_several_comments_and_long_ones_are_kept(tmp_path):
    long = b"x" * 70000
    data = jpeg(scene(40, 60))
    pieces = b"".join(
        b"\xff\xfe" + (len(part) + 2).to_bytes(2, "big") + part for part in (b"one", b"two", long[:65533], long[65533:])
    )
    (tmp_path / "a.jpg").write_bytes(data[:2] + pieces + data[2:])
    image = read_image(tmp_path / "a.jpg")
    image.save(tmp_path / "r.jpg")
    assert read_image(tmp_path / "r.jpg").metadata.comments == image.metadata.comments
    image.save(tmp_path / "r.tif")
    with tifffile.TiffFile(tmp_path / "r.tif") as file:
        assert file.pages[0].description.startswith("one\ntwo\nxxx")


def test_a_comment_beside_a_description_is_noted_where_only_one_has_a_place(tmp_path):
    described = b"Exif\0\0" + tiff({"tags": {270: (2, "mine\0"), 0x0112: (3, [1])}})
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(40, 60), comment=b"scanned", exif=described))
    image = read_image(tmp_path / "a.jpg")
    assert image.save(tmp_path / "r.jpg") == []
    assert image.save(tmp_path / "r.png") == []
    for suffix, name in (("tif", "TIFF"), ("webp", "WebP")):
        assert image.save(tmp_path / f"r.{suffix}") == [f"the comment has no place in this {name} and was dropped"]
        assert b"mine" in (tmp_path / f"r.{suffix}").read_bytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_description_is_added_to_exif_and_all_else_stays(tmp_path, order):
    block = exif(1, size=(60, 40), order=order)
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(40, 60), comment=b"scanned from box 12", exif=block))
    image = read_image(tmp_path / "a.jpg")
    image.save(tmp_path / "r.webp")
    with PIL.Image.open(tmp_path / "r.webp") as opened:
        tags = opened.getexif()
        assert (tags[0x010E], tags[0x0112]) == ("scanned from box 12", 1)
        assert dict(tags.get_ifd(0x8769)) == {0xA002: 60, 0xA003: 40}


def test_profile_and_xmp_of_a_gif_are_read(tmp_path):
    data = gif_of(b"made by hand")
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    blocks = b"\x21\xff\x0bXMP DataXMP" + packet + trailer + b"\x21\xff\x0bICCRGBG1012\x04abcd\x02ef\0"
    at = data.index(b"\x21\xfe")
    found = gif.extract(data[:at] + blocks + data[at:])
    assert (found.comments, found.xmp, found.icc) == ((b"made by hand",), packet, b"abcdef")
    for cut in range(0, len(data), 7):
        gif.extract(data[:cut])


def test_tiff_keeps_its_own_description(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff(page(scene(40, 60), photometric=2, more={270: (2, "a description\0")})))
    read_image(tmp_path / "a.tif").save(tmp_path / "r.tif")
    with tifffile.TiffFile(tmp_path / "r.tif") as file:
        assert file.pages[0].description == "a description"
