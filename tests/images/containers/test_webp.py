import io
import struct

import numpy as np
import pytest
import pyvips
from PIL import Image

from kukkiri.images import Metadata
from kukkiri.images.containers import webp
from tests.images.conftest import XMP, encode, exif_tags


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("channels", [3, 4])
def test_embedded_metadata_is_read_by_other_programs(pixels, make_exif, display_p3, lossless, channels):
    array = pixels(9, 21, channels)
    bare = encode(array, "webp", lossless=lossless, keep=0)
    metadata = Metadata(icc=display_p3, exif=make_exif().block, xmp=XMP % 1)
    data = webp.embed(bare, metadata, (9, 21))
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (21, 9)
        assert image.mode == ("RGBA" if channels == 4 else "RGB")
        assert image.info["icc_profile"] == display_p3
        assert image.info["xmp"] == XMP % 1
        assert image.getexif()[0x010F] == "Acme"
    seen = pyvips.Image.webpload_buffer(data)
    assert np.array_equal(seen.numpy(), pyvips.Image.webpload_buffer(bare).numpy())
    assert exif_tags(seen.get("exif-data")) == make_exif().tags
    assert webp.is_lossy(data) == (not lossless)


def test_the_file_length_is_true_and_chunks_are_even(pixels):
    data = webp.embed(encode(pixels(9, 21, 3), "webp", keep=0), Metadata(xmp=b"odd"), (9, 21))
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    assert len(data) % 2 == 0


def test_a_file_without_metadata_stays_as_it_is(pixels):
    data = encode(pixels(9, 21, 3), "webp", keep=0)
    assert webp.embed(data, Metadata(), (9, 21)) is data
