import contextlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
import pyvips
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from kukkiri.errors import ImageError
from kukkiri.images import PIXEL_LIMIT, read_image
from kukkiri.images.libvips import find_reason
from tests.images.conftest import IPTC, XMP, by_pillow, encode, exif_tags


@pytest.fixture
def write(tmp_path):
    def to(name: str, data: bytes):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return to


# What is read ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_grey_and_colour_with_and_without_alpha_are_read_exactly(write, pixels, dtype, channels, kind):
    array = pixels(9, 13, channels, dtype)
    image = read_image(write("a", encode(array, kind)))
    assert np.array_equal(image.to_array(), array[:, :, 0] if channels == 1 else array)
    assert (image.depth, image.lossy, image.notes) == (np.iinfo(dtype).bits, False, ())


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_float_tiff_is_read_exactly(write, channels):
    array = np.random.default_rng(0).random((5, 7, channels), np.float32)
    stream = io.BytesIO()
    kind = "minisblack" if channels == 1 else "rgb"
    tifffile.imwrite(
        stream, np.squeeze(array), photometric=kind, extrasamples=["unassalpha"] if channels == 4 else None
    )
    image = read_image(write("a.tif", stream.getvalue()))
    assert image.depth == 32
    assert np.array_equal(image.to_array(), np.squeeze(array))


def test_floats_beyond_white_are_clamped_with_a_note(write):
    array = np.full((4, 4, 3), 0.5, np.float32)
    array[0, 0], array[1, 1] = -0.25, 3
    image = read_image(write("a.tif", encode(array, "tiff")))
    assert np.array_equal(image.colour, np.clip(array, 0, 1))
    assert image.notes == ("float samples from -0.25 to 3 were clamped to [0, 1]",)


def test_floats_on_another_scale_are_refused(write):
    file = write("a.tif", encode(np.linspace(0, 255, 48, dtype=np.float32).reshape(4, 4, 3), "tiff"))
    with pytest.raises(ImageError, match=r"a\.tif: float samples run from 0 to 255, expected \[0, 1\]"):
        read_image(file)


def test_a_palette_with_transparency_becomes_rgba(write):
    palette = Image.new("P", (3, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    palette.putdata([0, 1, 2])
    stream = io.BytesIO()
    palette.save(stream, "PNG", transparency=bytes([0, 128, 255]))
    expected = [[[10, 20, 30, 0], [40, 50, 60, 128], [70, 80, 90, 255]]]
    assert read_image(write("a.png", stream.getvalue())).to_array().tolist() == expected


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_spread_over_the_whole_range(write, bits):
    levels = np.arange(2**bits, dtype=np.uint8)[None]
    array = levels * (255 // (2**bits - 1))
    image = read_image(write("a.png", encode(array, "png", bitdepth=bits)))
    assert np.array_equal(image.to_array(), array)


def test_a_gif_of_one_frame_is_an_image(write, pixels):
    array = pixels(6, 8, 3) // 128 * 255
    assert np.array_equal(read_image(write("a.gif", by_pillow(array, "GIF"))).to_array()[:, :, :3], array)


@pytest.mark.parametrize("depth", [10, 12])
def test_white_of_a_deep_avif_is_white(write, depth):
    array = np.zeros((8, 8, 3), np.uint16)
    array[4:] = 65535
    file = write("a.avif", encode(array, "heif", compression="av1", lossless=True, bitdepth=depth))
    image = read_image(file)
    assert np.array_equal(image.to_array(), array)
    assert (image.depth, image.lossy) == (16, True)


def test_lossy_and_lossless_webp_are_told_apart(write, pixels):
    assert read_image(write("a.webp", encode(pixels(9, 9, 3), "webp"))).lossy
    assert not read_image(write("b.webp", encode(pixels(9, 9, 3), "webp", lossless=True))).lossy
    assert read_image(write("c.jpg", encode(pixels(9, 9, 3), "jpeg"))).lossy
    assert read_image(write("d.tif", encode(pixels(16, 16, 3), "tiff", compression="jpeg"))).lossy


def test_planar_and_tiled_tiff_are_read_like_any_other(write, pixels):
    array = pixels(40, 50, 3, np.uint16)
    stream = io.BytesIO()
    tifffile.imwrite(stream, array.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", byteorder=">")
    assert np.array_equal(read_image(write("a.tif", stream.getvalue())).to_array(), array)
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, photometric="rgb", tile=(16, 16))
    assert np.array_equal(read_image(write("b.tif", stream.getvalue())).to_array(), array)


def test_ycbcr_tiff_is_read_whether_jpeg_made_it_or_not(tmp_path):
    image = Image.linear_gradient("L").convert("RGB").convert("YCbCr")
    image.save(tmp_path / "jpeg.tif", compression="jpeg", quality=95)
    found = read_image(tmp_path / "jpeg.tif").to_array()
    np.testing.assert_allclose(found.astype(int), np.asarray(image.convert("RGB")), atol=3)
    for name, compression in (("raw.tif", None), ("lzw.tif", "tiff_lzw")):
        image.save(tmp_path / name, compression=compression)
        found = read_image(tmp_path / name).to_array()
        np.testing.assert_allclose(found.astype(int), np.asarray(image.convert("RGB")), atol=2)


def test_colour_multiplied_by_alpha_is_divided_by_it(write):
    array = np.uint8([[[50, 100, 25, 128], [9, 9, 9, 0], [1, 2, 3, 255]]])
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, photometric="rgb", extrasamples=["assocalpha"])
    image = read_image(write("a.tif", stream.getvalue()))
    assert image.to_array().tolist() == [
        [[99, 199, 49, 128], [0, 0, 0, 0], [1, 2, 3, 255]]
    ]  # libvips cuts, 100 and 50 were nearer


def test_cmyk_is_converted_by_its_own_profile(write, pixels):
    profile = bytes(pyvips.Image.profile_load("cmyk"))
    cmyk = pixels(24, 24, 4)
    data = encode(cmyk, "tiff", interpretation="cmyk", icc_profile_data=profile)
    image = read_image(write("a.tif", data))
    expected = ImageCms.profileToProfile(
        Image.fromarray(cmyk, "CMYK"),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    error = np.abs(image.to_array().astype(int) - np.asarray(expected).astype(int))
    assert error.max() <= 3  # two sRGB profiles, and libvips goes through 16-bit Lab
    assert image.notes == ("CMYK was converted to sRGB by its own profile",)
    assert image.metadata.icc_space == b"RGB "


def test_cmyk_without_a_profile_is_converted_by_a_common_one_with_a_note(write):
    cmyk = np.zeros((8, 16, 4), np.uint8)
    cmyk[:, 8:, 3] = 255  # paper beside black ink
    image = read_image(write("a.jpg", encode(cmyk, "jpeg", interpretation="cmyk", Q=100)))
    assert "no usable profile" in image.notes[0]
    assert image.to_array()[:, :7].min() >= 250
    assert image.to_array()[:, 9:].max() <= 60


def test_cmyk_keeps_sixteen_bits_and_alpha(write, pixels):
    deep = read_image(write("a.tif", encode(pixels(8, 8, 4, np.uint16), "tiff", interpretation="cmyk")))
    assert deep.depth == 16
    five = pixels(8, 8, 5)
    clear = read_image(write("b.tif", encode(five, "tiff", interpretation="cmyk")))
    assert np.array_equal(clear.to_array()[:, :, 3], five[:, :, 4])


def test_lab_becomes_srgb_with_a_note(write):
    grey = pyvips.Image.new_from_array(np.full((4, 4, 3), 119, np.uint8), interpretation="srgb")
    image = read_image(write("a.tif", grey.colourspace("lab").tiffsave_buffer()))
    assert np.abs(image.colour * 255 - 119).max() < 0.6
    assert image.notes == ("Lab was converted to sRGB",)


# What comes along --------------------------------------------------------------------------------------------------

_TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_orientation_is_applied_and_reset_and_other_exif_stays(write, pixels, make_exif, orientation, form):
    array = pixels(9, 14, 4 if form in ("PNG", "TIFF") else 3)
    exif = make_exif(orientation)
    options = {"PNG": {}, "JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}, "TIFF": {}}[form]
    data = by_pillow(array, form, exif=Image.Exif() if form == "TIFF" else b"Exif\0\0" + exif.block, **options)
    if form == "TIFF":
        stream = io.BytesIO()
        tifffile.imwrite(stream, array, photometric="rgb", extratags=[(274, 3, 1, orientation, True)], metadata=None)
        data = stream.getvalue()
    image = read_image(write("a", data))
    np.testing.assert_allclose(image.to_array(), _TURNS[orientation](array), atol=6 if form == "JPEG" else 0)
    if form != "TIFF":
        assert exif_tags(image.metadata.exif) == exif.tags | {"0th 0x0112": 1}


def test_orientation_in_xmp_is_reset_too(write, pixels, make_exif):
    data = encode(pixels(4, 6, 3), "webp", exif_data=make_exif(6).block, xmp_data=XMP % 6, lossless=True)
    image = read_image(write("a.webp", data))
    assert image.metadata.xmp == XMP % 1
    for before, after in (
        (b"<tiff:Orientation>6</tiff:Orientation>", b"<tiff:Orientation>1</tiff:Orientation>"),
        (b"<a tiff:Orientation = '8'>", b"<a tiff:Orientation = '1'>"),
        (b"<a exif:Orientation='8'>", b"<a exif:Orientation='8'>"),
    ):
        file = write("b.webp", encode(pixels(4, 6, 3), "webp", xmp_data=before))
        assert read_image(file).metadata.xmp == after


def test_the_decoder_turns_avif_and_its_exif_is_not_applied_again(write, pixels, make_exif):
    # A file that says "turn" only in EXIF is not to be turned: ISO/IEC 23008-12 leaves that to irot and imir.
    array = pixels(16, 24, 3)
    data = by_pillow(array, "AVIF", quality=100, subsampling="4:4:4", exif=make_exif(1).block)
    image = read_image(write("a.avif", data))
    assert image.size == (16, 24)
    turned = read_image(write("b.avif", by_pillow(array, "AVIF", quality=100, exif=make_exif(6).block)))
    assert turned.size == (24, 16)  # Pillow writes an irot box for it
    assert exif_tags(turned.metadata.exif).get("0th 0x0112", 1) == 1


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff", "heif"])
def test_profile_and_xmp_are_kept_byte_for_byte_and_pixels_are_not_converted(write, pixels, display_p3, kind):
    array = pixels(16, 16, 3)
    lossless = {"webp": {"lossless": True}, "heif": {"lossless": True, "compression": "av1", "bitdepth": 8}}
    options = lossless.get(kind, {})
    image = read_image(write("a", encode(array, kind, icc_profile_data=display_p3, xmp_data=XMP % 1, **options)))
    assert image.metadata.icc == display_p3
    assert image.metadata.xmp == XMP % 1
    plain = read_image(write("b", encode(array, kind, **options)))
    assert np.array_equal(image.colour, plain.colour)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
def test_resolution_is_read_and_unknown_stays_unknown(write, pixels, form):
    stated = read_image(write("a", by_pillow(pixels(4, 4, 3), form, dpi=(300, 150))))
    assert stated.metadata.resolution == pytest.approx((300, 150), abs=0.02)  # PNG counts pixels in a metre
    assert read_image(write("b", by_pillow(pixels(4, 4, 3), form))).metadata.resolution is None


def test_resolution_is_rotated_with_the_image(write, pixels, make_exif):
    data = by_pillow(pixels(4, 6, 3), "PNG", dpi=(300, 150), exif=make_exif(6).block)
    assert read_image(write("a.png", data)).metadata.resolution == pytest.approx((150, 300), abs=0.02)


def test_iptc_is_read_from_jpeg_and_tiff(write, pixels):
    jpeg = encode(pixels(8, 8, 3), "jpeg", iptc_data=b"Photoshop 3.0\0" + IPTC)
    assert read_image(write("a.jpg", jpeg)).metadata.iptc == IPTC
    tiff = encode(pixels(8, 8, 3), "tiff", photoshop_data=IPTC)
    assert read_image(write("a.tif", tiff)).metadata.iptc == IPTC


def test_the_source_is_remembered(write, pixels):
    file = write("a.png", encode(pixels(2, 2, 3), "png"))
    assert read_image(str(file)).source == file


# Names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a[page=1].png", "a[1].png", "ひらがな é.png", "no suffix", "-o.png", "%d.png", "a,b=c.png"]
)
def test_names_are_taken_literally(write, pixels, name):
    array = pixels(3, 4, 3)
    assert np.array_equal(read_image(write(name, encode(array, "png"))).to_array(), array)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text_is_read_and_can_be_named_in_an_error(tmp_path, pixels):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.png")
    with open(name, "wb") as file:  # noqa: PTH123
        file.write(encode(pixels(3, 4, 3), "png"))
    assert read_image(name).size == (3, 4)
    with pytest.raises(ImageError) as caught:
        read_image(name + "?")
    str(caught.value).encode("utf-8")


def test_content_decides_over_the_name(write, pixels):
    array = pixels(3, 4, 3, np.uint16)
    assert np.array_equal(read_image(write("a.jpg", encode(array, "png"))).to_array(), array)


# Refusals ----------------------------------------------------------------------------------------------------------

SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>'


def refused(file, match, **options):
    with pytest.raises(ImageError, match=match) as caught:
        read_image(file, **options)
    message = str(caught.value)
    assert message.startswith(str(file))
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"hello, world", "is not an image by its content; kukkiri reads PNG, JPEG"),
        (SVG, "is an SVG drawing"),
        (b"\xef\xbb\xbf  <svg>", "is an SVG drawing"),
        (b"%PDF-1.7\n", "is a PDF document"),
        (b"%!PS-Adobe", "is a PostScript document"),
        (b"BM" + bytes(60), "is BMP"),
        (b"8BPS" + bytes(60), "is a Photoshop document"),
        (b"\xff\x0a" + bytes(60), "is JPEG XL"),
        (b"\0\0\0\x18ftypmp42" + bytes(60), "is a video"),
        (b"\0\0\0\x18ftypavis" + bytes(60), "is an animated AVIF"),
        (b"<html><body>404</body></html>", "is not an image"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is not an image"),
    ],
)
def test_a_file_that_is_no_image_is_refused_with_its_format(write, data, what):
    refused(write("a.png", data), what)


def test_missing_files_and_folders_are_refused(tmp_path):
    refused(tmp_path / "none.png", "no such file")
    refused(tmp_path, "is a folder")


def test_names_that_no_disk_has_are_refused(tmp_path):
    refused(tmp_path / ("x" * 300), "cannot be read")
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(tmp_path / "a\0.png")


def test_a_codec_that_the_library_lacks_is_not_called_damage(write, pixels, monkeypatch):
    file = write("a.heic", encode(pixels(8, 8, 3), "heif", compression="av1", bitdepth=8).replace(b"avif", b"heic", 1))
    assert read_image(file).size == (8, 8)

    def fail(*_, **__):
        raise pyvips.Error("no", "heif: Unsupported feature: Unsupported codec (4.3000)")

    monkeypatch.setattr(pyvips.Image, "heifload_buffer", fail, raising=False)
    refused(file, r"this HEIC is of a kind that cannot be decoded here \(Unsupported feature.*Convert it to PNG")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    refused(tmp_path / "pipe.png", "is a device or pipe")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(write, pixels):
    file = write("a.png", encode(pixels(2, 2, 3), "png"))
    file.chmod(0)
    refused(file, "cannot be read")


def test_animations_and_pages_are_refused(write, pixels):
    frames = [Image.fromarray(pixels(8, 8, 3) // divisor) for divisor in (1, 2, 3)]

    def several(form):
        stream = io.BytesIO()
        frames[0].save(stream, form, save_all=True, append_images=frames[1:])
        return stream.getvalue()

    refused(write("a.gif", several("GIF")), "is animated")
    refused(write("a.webp", several("WEBP")), "is animated")
    refused(write("a.png", several("PNG")), "is animated")
    refused(write("a.tif", several("TIFF")), "holds 3 pages")
    refused(write("a.avif", several("AVIF")), "animated")


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "tiff", "gif", "heif"])
@pytest.mark.parametrize("kept", [0.03, 0.5, 0.9])
def test_truncated_files_are_refused(write, pixels, kind, kept):
    options = {"compression": "av1", "bitdepth": 8} if kind == "heif" else {}
    data = encode(pixels(60, 80, 3), kind, **options)
    refused(write("a", data[: int(len(data) * kept)]), "truncated or corrupt")


def test_corrupt_pixels_are_refused(write, pixels):
    for kind, options in (("png", {}), ("tiff", {"compression": "deflate"}), ("jpeg", {"interlace": True})):
        data = bytearray(encode(pixels(60, 80, 3), kind, **options))
        middle = len(data) // 2
        data[middle] ^= 0xFF
        data[middle + 1] ^= 0x55
        refused(write("a", bytes(data)), "truncated or corrupt")


def test_a_jpeg_with_stray_bytes_between_its_scans_is_read(write, pixels):
    data = encode(pixels(64, 96, 3), "jpeg", restart_interval=2)
    at = data.index(b"\xff\xd3", data.index(b"\xff\xda"))
    expected = read_image(write("a.jpg", data)).to_array()
    image = read_image(write("b.jpg", data[:at] + b"\x12\x34" + data[at:]))
    assert np.array_equal(image.to_array(), expected)


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels."""
    import struct
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_too_many_pixels_are_refused_by_the_header(write):
    message = refused(write("a.png", bomb(60000, 60000)), "60000x60000 pixels exceed the limit of 268435456")
    assert "pixel_limit" in message
    assert PIXEL_LIMIT == 268435456


def test_the_limit_is_exact_and_can_be_moved(write, pixels):
    file = write("a.png", encode(pixels(6, 8, 3), "png"))
    assert read_image(file, pixel_limit=48).size == (6, 8)
    refused(file, "8x6 pixels exceed the limit of 47", pixel_limit=47)


def test_a_file_too_large_for_any_image_is_refused_unread(tmp_path):
    file = tmp_path / "a.png"
    with file.open("wb") as stream:
        stream.write(bomb(8, 8))
        stream.truncate(2**33)  # sparse: 8 GiB that take no room
    refused(file, "is larger than any image of 268435456 pixels")


@pytest.mark.parametrize(
    ("dtype", "what"),
    [(np.int16, "16-bit signed integer"), (np.uint32, "samples of type uint32"), (np.float64, "64-bit float")],
)
def test_other_samples_are_refused(write, dtype, what):
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((4, 4, 3), dtype), photometric="rgb")
    refused(write("a.tif", stream.getvalue()), what)


def test_five_channels_are_grey_and_four_of_their_own(write):
    stream = io.BytesIO()
    samples = np.arange(80, dtype=np.uint8).reshape(4, 4, 5)
    tifffile.imwrite(stream, samples, photometric="minisblack", planarconfig="contig")
    image = read_image(write("a.tif", stream.getvalue()))
    assert np.array_equal((image.colour * 255).round(), samples[..., :1])
    assert np.array_equal((image.extra * 255).round(), samples[..., 1:])


def test_floats_that_are_no_numbers_are_refused(write):
    array = np.full((4, 4, 3), 0.5, np.float32)
    array[1, 2] = np.nan
    refused(write("a.tif", encode(array, "tiff")), "NaN or infinity")


def test_nothing_is_printed_whatever_is_wrong(tmp_path, pixels):
    files = {"empty": b"", "svg": SVG, "bomb": bomb(60000, 60000)}
    for kind in ("png", "jpeg", "webp", "tiff", "gif", "heif"):
        options = {"compression": "av1", "bitdepth": 8} if kind == "heif" else {}
        data = encode(pixels(60, 80, 3), kind, **options)
        files |= {f"{kind}-half": data[: len(data) // 2], f"{kind}-torn": data[:200] + bytes(50) + data[250:]}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    script = (
        "import sys; from kukkiri.errors import ImageError; from kukkiri.images import read_image\n"
        "for name in sys.argv[1:]:\n"
        "    try: read_image(name)\n"
        "    except ImageError: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *[str(tmp_path / name) for name in files]], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.fixture(scope="module")
def samples(make_exif, display_p3, pixels):
    extras = {"exif_data": make_exif(6).block, "xmp_data": XMP % 6, "icc_profile_data": display_p3}
    heif = {"compression": "av1", "bitdepth": 8}
    kinds = {"png": {}, "jpeg": {}, "webp": {}, "tiff": {}, "gif": {}, "heif": heif}
    return [encode(pixels(16, 20, 3), kind, **extras, **options) for kind, options in kinds.items()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_any_damage_ends_in_an_image_or_in_an_image_error(samples, tmp_path, data):
    torn = bytearray(data.draw(st.sampled_from(samples)))
    for _ in range(data.draw(st.integers(0, 6))):
        torn[data.draw(st.integers(0, len(torn) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "torn"
    file.write_bytes(bytes(torn[: data.draw(st.integers(0, len(torn)))]))
    try:
        image = read_image(file, pixel_limit=10**6)
    except ImageError:
        return
    assert image.size[0] * image.size[1] <= 10**6


def test_damage_that_libvips_quotes_in_its_message_is_still_one_line(write, pixels):
    """libvips puts the bytes of a broken chunk into its message, and pyvips decodes that as UTF-8."""
    error = UnicodeDecodeError("utf-8", b"pngload: bad chunk \x80\x81", 19, 20, "invalid start byte")
    assert find_reason(error) == "bad chunk \ufffd\ufffd"
    data = bytearray(encode(pixels(16, 20, 3), "png"))
    data[37:41] = b"\x80\x81\x82\x83"
    with contextlib.suppress(ImageError):
        read_image(write("a", bytes(data)))
