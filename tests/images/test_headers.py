import numpy as np
import PIL.Image
import pytest

from kukkiri.errors import ImageError
from kukkiri.images import find_own_suffix, read_header, read_image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_a_header_has_the_sides_of_the_image_that_is_read(tmp_path, suffix, orientation):
    path = tmp_path / f"a[1]{suffix}"
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    PIL.Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(path, exif=exif)
    assert read_header(path).size == read_image(path).size
    assert read_header(path).channels == 3


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4), ("P", 3), ("1", 1)])
def test_a_header_counts_channels(tmp_path, mode, channels):
    path = tmp_path / "a.png"
    PIL.Image.new("RGB", (5, 4)).convert(mode).save(path)
    assert (read_header(path).size, read_header(path).channels) == ((4, 5), channels)


def test_what_is_no_image_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    for name in ("a.png", "none.png", "."):
        with pytest.raises(ImageError):
            read_header(tmp_path / name)


def test_the_suffix_is_that_of_the_content(tmp_path):
    image = PIL.Image.new("RGB", (5, 4))
    for name, form in (("a.JPEG", "JPEG"), ("b.png", "JPEG"), ("c.tiff", "TIFF"), ("d.dat", "TIFF"), ("e.gif", "GIF")):
        image.save(tmp_path / name, format=form)
    found = {path.name: find_own_suffix(path) for path in tmp_path.iterdir()}
    assert found == {"a.JPEG": ".jpeg", "b.png": ".jpg", "c.tiff": ".tiff", "d.dat": ".tif", "e.gif": ".gif"}
    assert find_own_suffix(tmp_path / "none.png") is None
