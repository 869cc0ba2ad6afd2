import io
import struct

import numpy as np
import pytest
import tifffile

from kukkiri.images import open_sequence, read_image
from kukkiri.images.containers import tiff
from kukkiri.images.reading import decode_image
from kukkiri.images.sequence_sinks import open_sequence_sink
from tests.images.conftest import encode, exif_tags

KEPT = {"0th 0x010f": "Acme", "0th 0x0110": "Camera 1", "0th 0x8298": "(c) somebody"}


def made_by_tifffile(array: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, photometric="rgb", metadata=None, software=False, **options)
    return stream.getvalue()


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_goes_in_and_comes_out_in_both_byte_orders(pixels, make_exif, order):
    array = pixels(5, 6, 3, np.uint16)
    bare = made_by_tifffile(array, byteorder=order)
    data = tiff.embed(bare, make_exif().block)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert np.array_equal(file.pages[0].asarray(), array)
        tags = file.pages[0].tags
        assert list(tags.keys()) == sorted(tags.keys())
        assert tags["Make"].value == "Acme"
        assert tags["ExifTag"].value["ExposureTime"] == (1, 200)
        assert (-1, 3) in tags["ExifTag"].value.values()
        assert tags["GPSTag"].value["GPSLatitude"] == (59, 1, 30, 1, 2469, 200)
    found = exif_tags(tiff.extract(data).exif)
    expected = make_exif().tags
    expected.pop("0th 0x0112")  # the file's own tag, not the block's
    assert found == expected


def test_a_second_block_does_not_double_tags(pixels, make_exif):
    once = tiff.embed(made_by_tifffile(pixels(5, 6, 3)), make_exif().block)
    twice = tiff.embed(once, make_exif().block)
    assert exif_tags(tiff.extract(twice).exif) == exif_tags(tiff.extract(once).exif)


def test_tags_of_the_pixels_do_not_become_exif(pixels):
    assert tiff.extract(made_by_tifffile(pixels(5, 6, 3))).exif is None
    described = tiff.extract(made_by_tifffile(pixels(5, 6, 3), description="A sea"))
    assert exif_tags(described.exif) == {"0th 0x010e": "A sea"}


def test_sample_format_and_loss_are_extracted(pixels):
    facts = tiff.extract(made_by_tifffile(pixels(5, 6, 3, np.uint16)))
    assert (facts.bits, facts.kind, facts.lossy) == (16, 1, False)
    assert tiff.extract(made_by_tifffile(np.zeros((5, 6, 3), np.float32))).kind == 3
    assert tiff.extract(encode(pixels(16, 16, 3), "tiff", compression="jpeg")).lossy


@pytest.mark.parametrize("order", ["<", ">"])
def test_facts_of_a_big_tiff_are_those_of_a_small_one(tmp_path, pixels, order):
    array = pixels(5, 6, 3, np.uint16)
    tags = [(315, "s", 0, "Ann", True), (33432, "s", 0, "Ann, of a long name", True), (33550, "d", 3, (1, 2, 3), True)]
    options = {
        "description": "A sea",
        "extratags": tags,
        "byteorder": order,
    }
    small = made_by_tifffile(array, **options)
    (tmp_path / "a.tif").write_bytes(made_by_tifffile(array, bigtiff=True, **options))
    assert tiff.extract((tmp_path / "a.tif").read_bytes()) == tiff.extract(small)
    image = read_image(tmp_path / "a.tif")
    assert np.array_equal(image.to_array(), array)
    assert image.notes == ("the georeference in its TIFF tags cannot be kept and is dropped",)
    assert exif_tags(image.metadata.exif) == {
        "0th 0x010e": "A sea", "0th 0x013b": "Ann", "0th 0x8298": "Ann, of a long name"
    }  # fmt: skip


@pytest.mark.parametrize("kind", [13, 18, 4, 16])
def test_exif_inside_a_big_tiff_is_read(kind):
    exposure = struct.pack("<Q", 1) + struct.pack("<HHQII", 0x829A, 5, 1, 1, 250) + struct.pack("<Q", 0)
    pointer = struct.pack("<Q", 1) + struct.pack("<HHQQ", 0x8769, kind, 1, 52) + struct.pack("<Q", 0)
    exif = tiff.extract(b"II+\0" + struct.pack("<HHQ", 8, 0, 16) + pointer + exposure).exif
    assert exif_tags(exif) == {"Exif 0x829a": 0.004}


def test_data_that_is_no_tiff_is_returned_unchanged(make_exif):
    assert tiff.embed(b"no tiff", make_exif().block) == b"no tiff"
    assert tiff.extract(b"II*\0") == tiff.TiffFacts()


def test_an_unknown_resolution_has_no_unit(pixels):
    data = tiff.drop_resolution(encode(pixels(5, 6, 3), "tiff", keep=0))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages[0].tags["ResolutionUnit"].value == 1
    assert struct.unpack_from("<H", data, 2)[0] == 42


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_page_keeps_its_own_exif(tmp_path, pixels, make_exif, order):
    exposed = [
        tiff.embed(
            made_by_tifffile(pixels(5, 6, 3), byteorder=order), make_exif().block.replace(b"Acme", b"Acm%d" % number)
        )
        for number in (1, 2)
    ]
    images = [decode_image(data) for data in exposed]
    with open_sequence_sink(tmp_path / "b.tif", count=2) as sink:
        for image in images:
            sink.write(image)
    assert sink.notes == ()
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert [page.tags["Make"].value for page in file.pages] == ["Acm1", "Acm2"]
        assert [page.tags["ExifTag"].value["ExposureTime"] for page in file.pages] == [(1, 200)] * 2
    found = open_sequence(tmp_path / "b.tif")
    assert [exif_tags(page.metadata.exif)["0th 0x010f"] for page in found.images()] == ["Acm1", "Acm2"]
