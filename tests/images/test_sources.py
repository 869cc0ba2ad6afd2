import io
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from PIL import ImageCms

from kukkiri.errors import ImageError
from kukkiri.images import Image, open_image, read_image

ORIENTATION = 0x0112


@pytest.fixture
def rgb(rng):
    return rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.fixture
def png(tmp_path, rgb):
    path = tmp_path / "a.png"
    Image.from_array(rgb).save(path)
    return path


def test_a_path_its_bytes_and_an_open_file_give_the_same_image(png, rgb):
    data = png.read_bytes()
    with png.open("rb") as file:
        sources = [str(png), png, data, bytearray(data), memoryview(data), file, io.BytesIO(data)]
        images = [open_image(source) for source in sources]
    assert all(np.array_equal(image.to_array(), rgb) for image in images)
    assert [image.source for image in images[:3]] == [png, png, None]


def test_an_image_is_given_back_and_an_array_becomes_one(rgb):
    image = Image.from_array(rgb)
    assert open_image(image) is image
    assert np.array_equal(open_image(rgb).to_array(), rgb)
    assert np.array_equal(open_image((rgb / 255).tolist()).to_array(), (rgb / 255).astype(np.float32))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("https://a.org/b.png", r"https://a.org/b.png: is an address, not a file. Download it first"),
        (Path("http://a.org/b.png"), "is an address"),
        ("s3://bucket/b.png", "is an address"),
        ("file:///b.png", "without file://"),
        (b"", "the bytes: is empty"),
        (b"hello", "the bytes: is not an image by its content"),
        (io.BytesIO(b"%PDF-1.4"), "the file object: is a PDF document"),
        (io.StringIO("hello"), "gives str, not bytes. Open it in binary mode"),
        (np.zeros((2, 2), np.int64), "an array of int64"),
    ],
)
def test_what_holds_no_image_is_refused_with_a_remedy(source, message):
    with pytest.raises(ImageError, match=message):
        open_image(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "NoneType is no image; expected a path, bytes, a binary file, .* cv2.imread"),
        (3, "int is no image; expected a path"),
        (["a.png", "b.png"], "a list of images; expected one: .* Call it once for each"),
    ],
)
def test_another_type_is_refused_with_those_that_are_understood(source, message):
    with pytest.raises(TypeError, match=message):
        open_image(source)


def test_a_file_opened_as_text_or_closed_is_refused(png):
    with png.open("r", encoding="utf-8") as file, pytest.raises(ImageError, match=r"a\.png: .*binary mode"):
        open_image(file)
    with pytest.raises(ImageError, match=r"a\.png: cannot be read .*closed"):
        open_image(file)


def test_the_pixel_limit_holds_for_bytes(png):
    with pytest.raises(ImageError, match="the bytes: 7x5 pixels exceed the limit of 34"):
        open_image(png.read_bytes(), pixel_limit=34)
    with pytest.raises(ImageError, match="larger than any image of 1 pixels"):
        open_image(png.read_bytes() + bytes(2**26), pixel_limit=1)


def test_a_tensor_with_a_gradient_is_refused_with_a_remedy():
    torch = pytest.importorskip("torch", reason="needs torch")
    assert open_image(torch.full((2, 3), 0.25)).depth == 32
    with pytest.raises(ImageError, match="Tensor: gives no array"):
        open_image(torch.zeros(2, 3, requires_grad=True))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_pillow_image_is_read_as_its_file_is(tmp_path, rng, mode):
    channels = {"LA": 2, "RGB": 3, "RGBA": 4}.get(mode, 1)
    levels = rng.integers(0, 256, (6, 5, channels), dtype=np.uint8).squeeze()
    levels = rng.integers(0, 65536, (6, 5), dtype=np.uint16) if mode == "I;16" else levels
    image = PIL.Image.fromarray(levels)
    if mode in ("1", "P"):
        image = PIL.Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)).convert(mode)
    assert image.mode == mode
    image.save(tmp_path / "a.png")
    expected, opened = read_image(tmp_path / "a.png"), open_image(image)
    assert opened.depth == expected.depth
    assert np.array_equal(opened.to_array(), expected.to_array())
    assert np.array_equal(open_image(PIL.Image.open(tmp_path / "a.png")).to_array(), expected.to_array())


def test_transparent_colours_and_palette_entries_become_alpha(tmp_path):
    palette = PIL.Image.new("P", (3, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    palette.putdata([0, 1, 2])
    palette.info["transparency"] = bytes([255, 0, 128])
    expected = [[10, 20, 30, 255], [40, 50, 60, 0], [70, 80, 90, 128]]
    assert open_image(palette).to_array()[0].tolist() == expected
    grey = PIL.Image.fromarray(np.uint8([[5, 6]]))
    grey.info["transparency"] = 6
    assert open_image(grey).to_array().tolist() == [[[5, 255], [6, 0]]]
    deep = PIL.Image.fromarray(np.uint16([[500, 600]]))
    deep.info["transparency"] = 600
    assert open_image(deep).to_array().tolist() == [[[500, 65535], [600, 0]]]


def test_premultiplied_and_padded_modes_give_their_colours(rng):
    rgba = PIL.Image.fromarray(rng.integers(200, 256, (4, 4, 4), dtype=np.uint8))
    assert np.array_equal(open_image(rgba.convert("RGBa")).to_array(), np.asarray(rgba.convert("RGBa").convert("RGBA")))
    assert np.array_equal(open_image(rgba.convert("RGB").convert("RGBX")).to_array(), np.asarray(rgba)[..., :3])
    swapped = PIL.Image.frombytes("I;16B", (2, 1), bytes([1, 0, 0, 2]))
    assert open_image(swapped).to_array().tolist() == [[256, 2]]
    assert open_image(rgba.convert("RGB").convert("YCbCr")).notes == ("YCbCr was converted to RGB",)


def test_float_modes_are_in_the_unit_range():
    assert open_image(PIL.Image.fromarray(np.float32([[0.25, 1]]))).to_array().tolist() == [[0.25, 1]]
    with pytest.raises(ImageError, match=r"expected \[0, 1\]"):
        open_image(PIL.Image.fromarray(np.float32([[25, 255]])))


@pytest.mark.parametrize(
    ("mode", "remedy"),
    [("CMYK", "Give kukkiri the file itself"), ("LAB", "ImageCms"), ("I", "white level is unknown")],
)
def test_a_mode_without_a_clear_meaning_is_refused_with_a_remedy(mode, remedy):
    with pytest.raises(ImageError, match=f"of mode {mode} cannot be used as it is. .*{remedy}"):
        open_image(PIL.Image.new(mode, (2, 2)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_and_metadata_are_those_of_the_file(tmp_path, rgb, orientation):
    image, path = PIL.Image.fromarray(rgb), tmp_path / "a.jpg"
    exif = image.getexif()
    exif[ORIENTATION], exif[0x010F] = orientation, "maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(path, exif=exif, icc_profile=profile, dpi=(72, 144), quality=95)
    expected, opened = read_image(path), open_image(PIL.Image.open(path))
    assert opened.size == expected.size == ((5, 7) if orientation < 5 else (7, 5))
    assert np.abs(opened.colour - expected.colour).max() <= 3 / 255  # two JPEG decoders
    assert opened.metadata == expected.metadata
    assert opened.lossy
    exact = open_image(image)  # set on the image, not yet in any file
    assert np.array_equal(exact.to_array(), np.asarray(PIL.ImageOps.exif_transpose(image)))


def test_a_turned_tiff_is_turned_once(tmp_path, rgb):
    image, path = PIL.Image.fromarray(rgb), tmp_path / "a.tif"
    image.save(path, tiffinfo={ORIENTATION: 6})
    assert np.array_equal(open_image(PIL.Image.open(path)).to_array(), read_image(path).to_array())


def test_a_truncated_or_animated_file_says_so(tmp_path, rgb):
    frames = [PIL.Image.fromarray(rgb), PIL.Image.fromarray(255 - rgb)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with PIL.Image.open(tmp_path / "a.gif") as image:
        assert "only the frame" in open_image(image).notes[0]
    data = io.BytesIO()
    PIL.Image.effect_noise((64, 64), 50).save(data, "JPEG")
    with pytest.raises(ImageError, match="Pillow cannot decode"):
        open_image(PIL.Image.open(io.BytesIO(data.getvalue()[:800])))


def test_a_tiff_file_without_a_resolution_has_none_through_pillow_either(tmp_path, rgb):
    PIL.Image.fromarray(rgb).save(tmp_path / "a.tif")
    with PIL.Image.open(tmp_path / "a.tif") as image:
        assert open_image(image).metadata.resolution is None
