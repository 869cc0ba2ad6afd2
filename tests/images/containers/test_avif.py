import io

import numpy as np
import pyvips
from PIL import Image

from kukkiri.images.containers import avif
from tests.images.conftest import XMP, by_pillow, encode, exif_tags


def test_another_exif_block_takes_the_place_of_the_first(pixels, make_exif, display_p3):
    options = {"compression": "av1", "bitdepth": 8, "icc_profile_data": display_p3, "xmp_data": XMP % 1}
    bare = encode(pixels(16, 24, 4), "heif", **options)
    data = avif.replace_exif(bare, make_exif().block)
    seen = pyvips.Image.heifload_buffer(data, fail_on="warning")
    assert np.array_equal(seen.numpy(), pyvips.Image.heifload_buffer(bare).numpy())
    assert exif_tags(seen.get("exif-data")) == make_exif().tags
    assert seen.get("icc-profile-data") == display_p3
    assert seen.get("xmp-data") == XMP % 1
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.getexif()[0x010F] == "Acme"


def test_a_block_can_be_replaced_twice_and_in_files_of_others(pixels, make_exif):
    theirs = by_pillow(pixels(16, 24, 3), "AVIF", exif=make_exif().block)
    data = avif.replace_exif(avif.replace_exif(theirs, b"II*\0\x08\0\0\0\0\0\0\0\0\0"), make_exif(1).block)
    assert exif_tags(pyvips.Image.heifload_buffer(data).get("exif-data")) == make_exif(1).tags


def test_a_file_without_exif_is_not_changed(pixels, make_exif):
    bare = encode(pixels(16, 24, 3), "heif", compression="av1", bitdepth=8, keep=0)
    assert avif.replace_exif(bare, make_exif().block) is None
    assert avif.replace_exif(b"", make_exif().block) is None
    assert avif.replace_exif(b"\0\0\0\x08meta", make_exif().block) is None
