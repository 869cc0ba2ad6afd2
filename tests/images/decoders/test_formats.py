"""Formats beside libvips': files of independent writers in, files for independent readers out."""

import io
import struct
import sys

import numpy as np
import OpenEXR
import PIL.Image
import pillow_heif
import pillow_jxl  # noqa: F401  (teaches Pillow the format)
import pytest

from kukkiri.errors import BackendError, ImageError
from kukkiri.images import Image, Metadata, read_image
from kukkiri.images.decoders import DECODERS
from kukkiri.images.format_list import FORMATS
from kukkiri.images.formats import OUTPUT_SUFFIXES, READABLE
from kukkiri.images.tone_curve import ToneCurve, from_srgb, to_srgb
from tests.extending_pages import ROOT, run_tool

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (13, 17, 3)).astype(np.uint8)
RGBA = np.dstack([RGB, RNG.integers(1, 256, (13, 17)).astype(np.uint8)])
GREY = RGB[..., 0]
LIGHT = (RNG.random((13, 17, 3)) * [0.5, 3, 40]).astype(np.float32)


def pillow(levels: np.ndarray, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(levels).save(stream, form, **options)
    return stream.getvalue()


def write_exr(path, channels: dict[str, np.ndarray]) -> None:
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}, channels).write(str(path))


def pfm(linear: np.ndarray, order: str = "<") -> bytes:
    kind, scale = ("F" if linear.ndim == 3 else "f"), ("-1.0" if order == "<" else "1.0")
    head = f"P{kind}\n{linear.shape[1]} {linear.shape[0]}\n{scale}\n".encode()
    return head + linear[::-1].astype(f"{order}f4").tobytes()


STILLS = {
    "bmp": (pillow(RGB, "BMP"), RGB),
    "bmp grey": (pillow(GREY, "BMP"), GREY),
    "tga": (pillow(RGBA, "TGA"), RGBA),
    "tga runs": (pillow(RGB, "TGA", compression="tga_rle"), RGB),
    "jp2": (pillow(RGBA, "JPEG2000", irreversible=False), RGBA),
    "j2k": (pillow(RGB, "JPEG2000", irreversible=False, no_jp2=True), RGB),
    "jxl": (pillow(RGBA, "JXL", lossless=True), RGBA),
    "ppm": (pillow(RGB, "PPM"), RGB),
    "pgm": (pillow(GREY, "PPM"), GREY),
    "pgm 16": (b"P5 # a comment\n17 13 65535\n" + (GREY.astype(">u2") * 257).tobytes(), GREY.astype(np.uint16) * 257),
    "text": (b"P3\n17 13\n255\n" + " ".join(map(str, RGB.ravel())).encode(), RGB),
    "pam": (b"P7\nWIDTH 17\nHEIGHT 13\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + RGBA.tobytes(), RGBA),
}


@pytest.mark.parametrize("kind", sorted(STILLS))
def test_pixels_are_those_that_were_written(tmp_path, kind):
    data, expected = STILLS[kind]
    (tmp_path / "a.bin").write_bytes(data)
    if kind.startswith("tga"):
        (tmp_path / "a.bin").rename(tmp_path / "a.tga")
    image = read_image(next(tmp_path.iterdir()))
    assert np.array_equal(image.to_array(), expected)


def test_a_profile_that_the_decoder_of_jpeg_xl_makes_up_is_not_kept(tmp_path):
    for name, levels in (("rgb", RGB), ("grey", GREY)):
        (tmp_path / name).write_bytes(pillow(levels, "JXL", lossless=True))
        assert read_image(tmp_path / name).metadata == Metadata()


def deep(levels: np.ndarray, codec: str, bits: int) -> bytes:
    imagecodecs = pytest.importorskip("imagecodecs", reason="needs the extra deep")
    if codec == "jpeg2k":
        return imagecodecs.jpeg2k_encode(levels, level=0, codecformat="jp2", bitspersample=bits, reversible=True)
    return imagecodecs.jpegxl_encode(levels, lossless=True, bitspersample=bits)


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("codec", ["jpeg2k", "jpegxl"])
@pytest.mark.parametrize("samples", [3, 4])
def test_colours_of_more_than_8_bits_keep_them(tmp_path, codec, bits, samples):
    levels = RNG.integers(0, 2**bits, (13, 17, samples)).astype(np.uint16)
    (tmp_path / "a").write_bytes(deep(levels, codec, bits))
    image = read_image(tmp_path / "a")
    assert image.depth == 16
    assert image.notes == ()
    assert np.array_equal(np.rint(image.to_array() * ((2**bits - 1) / 65535)), levels)


@pytest.mark.parametrize("bits", [1, 3, 5, 6, 7])
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_jpeg_xl_of_few_bits_has_no_dither(tmp_path, bits, samples):
    levels = RNG.integers(0, 2**bits, (33, 37, samples)).astype(np.uint8)
    levels[..., 3:] = np.where(levels[..., 3:] > 0, 2**bits - 1, 0)
    (tmp_path / "a.jxl").write_bytes(deep(levels.squeeze(), "jpegxl", bits))
    shown = read_image(tmp_path / "a.jxl").to_array()
    assert np.array_equal(shown, np.rint(levels.squeeze() * (255 / (2**bits - 1))))


def test_jpeg_xl_of_few_bits_with_loss_stays_as_it_is_decoded(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs", reason="needs the extra deep")
    levels = (np.add.outer(np.arange(48), np.arange(48)) // 3).astype(np.uint8)
    data = imagecodecs.jpegxl_encode(levels, distance=3.0, bitspersample=5)
    (tmp_path / "a.jxl").write_bytes(data)
    with PIL.Image.open(tmp_path / "a.jxl") as opened:
        decoded = np.asarray(opened)
    assert len(np.unique(decoded)) > 32
    assert np.array_equal(read_image(tmp_path / "a.jxl").to_array(), decoded)


@pytest.mark.parametrize("bits", [1, 2, 4, 7])
def test_jpeg_2000_of_few_bits_reaches_white(tmp_path, bits):
    levels = RNG.integers(0, 2**bits, (13, 17)).astype(np.uint8)
    (tmp_path / "a.jp2").write_bytes(deep(levels, "jpeg2k", bits))
    shown = read_image(tmp_path / "a.jp2").to_array()
    assert np.array_equal(shown, np.rint(levels * (255 / (2**bits - 1))))


@pytest.mark.parametrize("bits", [10, 16])
def test_grey_and_alpha_of_more_than_8_bits_keep_them(tmp_path, bits, monkeypatch):
    levels = RNG.integers(0, 2**bits, (13, 17, 2)).astype(np.uint16)
    for codec in ("jpeg2k", "jpegxl"):
        (tmp_path / codec).write_bytes(deep(levels, codec, bits))
        shown = read_image(tmp_path / codec).to_array()
        assert np.array_equal(np.rint(shown * ((2**bits - 1) / 65535)), levels)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(BackendError, match=f"JPEG XL with grey and alpha of {bits} bits needs imagecodecs"):
        read_image(tmp_path / "jpegxl")


def test_inks_are_not_called_damage(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs", reason="needs the extra deep")
    levels = RNG.integers(0, 256, (13, 17, 4)).astype(np.uint8)
    data = imagecodecs.jpeg2k_encode(levels, level=0, codecformat="jp2", colorspace="CMYK", mct=False)
    (tmp_path / "a.jp2").write_bytes(data)
    with pytest.raises(ImageError, match=r"a\.jp2: has CMYK pixels, which are not decoded from this format\. Convert"):
        read_image(tmp_path / "a.jp2")


def test_white_of_16_bits_is_white(tmp_path):
    levels = np.arange(65535 - 12 * 16 + 1, 65536, dtype=np.uint16).reshape(8, 8, 3)
    (tmp_path / "a.jp2").write_bytes(deep(levels, "jpeg2k", 16))
    assert np.array_equal(read_image(tmp_path / "a.jp2").to_array(), levels)


def test_jpeg_2000_of_more_than_8_bits_in_colour_needs_its_decoder(tmp_path, monkeypatch):
    (tmp_path / "a.jp2").write_bytes(deep(np.zeros((13, 17, 3), np.uint16), "jpeg2k", 16))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(BackendError, match=r"JPEG 2000 with colours of 16 bits needs imagecodecs.*kukkiri\[deep\]"):
        read_image(tmp_path / "a.jp2")


def test_jpeg_xl_of_more_than_8_bits_in_colour_is_read_as_8_without_its_decoder(tmp_path, monkeypatch):
    levels = RNG.integers(0, 65536, (13, 17, 3)).astype(np.uint16)
    (tmp_path / "a").write_bytes(deep(levels, "jpegxl", 16))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    image = read_image(tmp_path / "a")
    assert image.depth == 8
    assert image.notes == ("its 16 bits per sample were read as 8; with the extra deep (imagecodecs) all are",)
    assert np.abs(image.to_array() - levels / 257).max() <= 1


@pytest.mark.parametrize(
    "decoded",
    [np.zeros((13, 17, 3), np.uint16), np.zeros((17, 13, 3), np.uint16), np.zeros((13, 17, 3), np.float16)],
    ids=["other colours", "turned", "float"],
)
def test_a_second_decoder_that_says_something_else_is_not_believed(tmp_path, decoded, monkeypatch):
    levels = RNG.integers(0, 65536, (13, 17, 3)).astype(np.uint16)
    for codec in ("jpeg2k", "jpegxl"):
        (tmp_path / codec).write_bytes(deep(levels, codec, 16))
        monkeypatch.setattr(f"imagecodecs.{codec}_decode", lambda data: decoded)
    image = read_image(tmp_path / "jpegxl")
    assert image.notes == ("its 16 bits per sample were read as 8: imagecodecs reads other values than Pillow",)
    assert np.abs(image.to_array() - levels / 257).max() <= 1
    with pytest.raises(ImageError, match="two decoders, imagecodecs and Pillow, do not agree"):
        read_image(tmp_path / "jpeg2k")


def test_a_bitmap_of_one_bit_is_black_and_white(tmp_path):
    bits = RNG.integers(0, 2, (13, 17)).astype(bool)
    for form in ("BMP", "PPM"):
        (tmp_path / form).write_bytes(pillow(bits, form))
        assert np.array_equal(read_image(tmp_path / form).to_array(), bits * np.uint8(255))


def test_levels_of_another_white_are_scaled_with_a_note(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P2\n3 1\n1000\n0 500 1000\n")
    image = read_image(tmp_path / "a.pgm")
    assert image.to_array().tolist() == [[0, 32768, 65535]]
    assert image.notes == ("levels of 0 to 1000 were scaled to 16 bits",)


def test_an_alpha_of_zeros_is_no_alpha(tmp_path):
    (tmp_path / "a.tga").write_bytes(pillow(np.dstack([RGB, np.zeros_like(GREY)]), "TGA"))
    image = read_image(tmp_path / "a.tga")
    assert np.array_equal(image.to_array(), RGB)
    assert image.notes == ("alpha is 0 everywhere and was taken for unused",)


@pytest.mark.parametrize(("bits", "white"), [(8, 255), (10, 1023), (12, 4095)])
def test_heif_keeps_its_bits_and_orientation(tmp_path, bits, white):
    levels = np.zeros((32, 48, 3), np.uint16)
    levels[:16], levels[16:, :24] = white, white // 2
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    if bits == 8:
        made = pillow_heif.from_bytes("RGB", (48, 32), levels.astype(np.uint8).tobytes())
    else:
        pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
        made = pillow_heif.from_bytes("RGB;16", (48, 32), (levels << (16 - bits)).tobytes())
    try:
        made.save(stream, quality=-1, chroma=444, exif=exif.tobytes())
    finally:
        pillow_heif.options.SAVE_HDR_TO_12_BIT = False
    (tmp_path / "a.heic").write_bytes(stream.getvalue())
    image = read_image(tmp_path / "a.heic")
    assert (image.size, image.depth, image.lossy) == ((48, 32), 8 if bits == 8 else 16, True)
    turned = np.rot90(levels, -1) / white
    assert np.abs(image.colour - turned).max() < 1.5 / 255
    assert image.colour.max() == 1


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.bmp").write_bytes(STILLS["bmp"][0])
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(BackendError, match=r"a\.bmp: BMP needs PIL.*Install kukkiri\[formats\]"):
        read_image(tmp_path / "a.bmp")
    with pytest.raises(BackendError, match=r"b\.tga: TGA needs PIL.*Install kukkiri\[formats\]"):
        Image.from_array(RGB).save(tmp_path / "b.tga")


def test_heic_without_its_extra_names_it(tmp_path, monkeypatch):
    stream = io.BytesIO()
    pillow_heif.from_bytes("RGB", (17, 13), RGB.tobytes()).save(stream)
    (tmp_path / "a.heic").write_bytes(stream.getvalue())
    monkeypatch.setattr("kukkiri.images.decoders.decoder.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImageError, match=r"HEVC.*pip install 'kukkiri\[heif\]'"):
        read_image(tmp_path / "a.heic")


# Linear light -------------------------------------------------------------------------------------------------------


def test_the_curve_is_srgb_below_white_and_reversible_everywhere():
    linear = np.concatenate([-np.geomspace(1e-4, 50, 40), [0], np.geomspace(1e-5, 1e5, 400)]).astype(np.float32)
    curve = ToneCurve.for_samples(linear)
    encoded = curve.encode(linear)
    assert (encoded.min(), encoded.max()) == (0, 1)
    assert (np.diff(encoded[np.argsort(linear)]) > 0).all()
    # float32 of a value near 1 is worth 6e-8, which the curve widens at most a few hundred times near black
    assert np.allclose(curve.decode(encoded), linear, rtol=2e-5, atol=2e-6)
    inside = np.linspace(0, 1, 100, dtype=np.float32)
    assert np.allclose(ToneCurve(0, 1).encode(inside), to_srgb(inside), atol=1e-6)
    assert np.allclose(from_srgb(np.float32([0.5])), 0.21404114, atol=1e-6)  # IEC 61966-2-1
    step = np.float32([1 - 1e-3, 1, 1 + 1e-3])
    low, middle, high = ToneCurve(0, 10).encode(step).astype(float)
    assert (high - middle) / (middle - low) == pytest.approx(1, abs=2e-3)


def make_light(tmp_path, kind: str):
    path = tmp_path / f"a.{kind.split()[0]}"
    if kind == "exr":
        write_exr(path, {"RGB": LIGHT})
    elif kind == "exr half":
        write_exr(path, {"RGB": LIGHT.astype(np.float16)})
    elif kind == "pfm":
        path.write_bytes(pfm(LIGHT))
    else:
        path.write_bytes(pfm(LIGHT, ">"))
    return path


@pytest.mark.parametrize("kind", ["exr", "exr half", "pfm", "pfm big"])
def test_light_of_any_range_is_kept(tmp_path, kind):
    image = read_image(make_light(tmp_path, kind))
    assert image.colour.min() >= 0
    assert image.colour.max() == 1
    expected = LIGHT.astype(np.float16).astype(np.float32) if "half" in kind else LIGHT
    assert np.allclose(image.to_array(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("suffix", [".exr", ".pfm", ".hdr", ".tif"])
def test_light_is_written_without_a_clamp(tmp_path, suffix):
    image = read_image(make_light(tmp_path, "pfm"))
    assert image.save(tmp_path / f"out{suffix}") == []
    if suffix == ".exr":
        with OpenEXR.File(str(tmp_path / "out.exr")) as file:
            written = file.channels()["RGB"].pixels
        assert np.allclose(written, LIGHT, rtol=1e-5, atol=1e-6)
    elif suffix == ".tif":
        import tifffile

        assert np.allclose(tifffile.imread(tmp_path / "out.tif"), LIGHT, rtol=1e-5, atol=1e-6)
    else:
        back = read_image(tmp_path / f"out{suffix}").to_array()
        share = 1 / 128 if suffix == ".hdr" else 1e-5  # eight bits of the brightest of the three
        assert (np.abs(back - LIGHT) <= share * LIGHT.max(axis=2, keepdims=True) + 1e-6).all()


def test_light_above_white_is_clipped_for_png_with_a_note(tmp_path):
    notes = read_image(make_light(tmp_path, "pfm")).save(tmp_path / "a.png")
    assert notes[0] == "linear light was converted to sRGB for PNG"
    assert "was clipped" in notes[1]
    levels = np.asarray(read_image(tmp_path / "a.png").colour)
    assert np.allclose(levels, to_srgb(LIGHT), atol=1 / 65535)


def test_alpha_of_openexr_is_divided_out_and_multiplied_in_again(tmp_path):
    alpha = np.linspace(0, 1, 17, dtype=np.float32) * np.ones((13, 1), np.float32)
    shown = np.dstack([LIGHT * alpha[..., None], alpha])
    write_exr(tmp_path / "a.exr", {"RGBA": shown})
    image = read_image(tmp_path / "a.exr")
    assert np.allclose(image.alpha, alpha)
    assert np.allclose(image.to_array()[:, 1:, :3], LIGHT[:, 1:], rtol=1e-4, atol=1e-5)
    image.save(tmp_path / "b.exr")
    with OpenEXR.File(str(tmp_path / "b.exr")) as file:
        assert np.allclose(file.channels()["RGBA"].pixels, shown, rtol=1e-4, atol=1e-5)


def test_radiance_runs_of_another_writer_are_read(tmp_path):
    line = b"\x02\x02\x00\x08" + b"\x88\x80" + b"\x02\x40\x20\x86\x10" + b"\x88\x00" + b"\x88\x81"
    (tmp_path / "a.hdr").write_bytes(b"#?RADIANCE\nEXPOSURE=2\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 8\n" + line)
    light = read_image(tmp_path / "a.hdr").to_array()[0]
    # mantissa / 256 * 2^(129 - 128), over the exposure
    assert np.allclose(light[0], [0.5, 0.25, 0], atol=1e-6)
    assert np.allclose(light[2:, 1], 0.0625, atol=1e-6)


def test_nan_is_refused(tmp_path):
    (tmp_path / "a.pfm").write_bytes(pfm(np.full((2, 2), np.nan, np.float32)))
    with pytest.raises(ImageError, match="holds NaN or infinity"):
        read_image(tmp_path / "a.pfm")


# Out ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".bmp", ".tga", ".jp2", ".jxl", ".ppm", ".pgm", ".pnm"])
@pytest.mark.parametrize("levels", [RGB, GREY, RGBA], ids=["rgb", "grey", "rgba"])
def test_pillow_reads_what_is_written(tmp_path, suffix, levels):
    notes = Image.from_array(levels).save(tmp_path / f"a{suffix}")
    with PIL.Image.open(tmp_path / f"a{suffix}") as opened:
        found = np.asarray(opened)
    if levels is RGBA and suffix in (".bmp", ".ppm", ".pgm", ".pnm"):
        alpha = RGBA[..., 3:] / 255
        assert np.abs(found - (RGB * alpha + 255 * (1 - alpha))).max() <= 0.5
        assert "the image was laid on white" in notes[0]
        return
    expected = np.dstack([GREY] * 3) if suffix == ".ppm" and levels is GREY else levels
    assert np.array_equal(found, expected)
    assert notes == []


def test_a_still_gif_has_hard_edges_and_its_own_colours(tmp_path):
    levels = np.zeros((16, 16, 4), np.uint8)
    levels[..., :3] = [10, 200, 30]
    levels[..., 3] = np.linspace(0, 255, 16).astype(np.uint8)
    Image.from_array(levels).save(tmp_path / "a.gif")
    with PIL.Image.open(tmp_path / "a.gif") as opened:
        found = np.asarray(opened.convert("RGBA"))
    assert np.array_equal(found[..., 3], np.where(levels[..., 3] >= 128, 255, 0))
    assert (found[found[..., 3] > 0][:, :3] == [10, 200, 30]).all()


def test_quality_makes_jpeg_xl_lossy(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    Image.from_array(smooth).save(tmp_path / "a.jxl")
    Image.from_array(RNG.integers(0, 256, (64, 64, 3)).astype(np.uint8)).save(tmp_path / "b.jxl", quality=30)
    Image.from_array(RNG.integers(0, 256, (64, 64, 3)).astype(np.uint8)).save(tmp_path / "c.jxl", quality=100)
    assert (tmp_path / "b.jxl").stat().st_size < (tmp_path / "c.jxl").stat().st_size / 2


def test_a_profile_is_converted_where_there_is_no_place_for_it(tmp_path, display_p3):
    image = Image.from_array(np.full((4, 4, 3), [255, 0, 0], np.uint8))
    red = Image(colour=image.colour, metadata=Metadata(icc=display_p3))
    soft = Image(colour=np.full((4, 4, 3), 0.5, np.float32), metadata=Metadata(icc=display_p3))
    assert red.save(tmp_path / "a.bmp") == ["colours were converted to sRGB: BMP has no place for a profile"]
    soft.save(tmp_path / "b.bmp")
    assert np.asarray(PIL.Image.open(tmp_path / "a.bmp"))[0, 0].tolist() == [255, 0, 0]  # beyond sRGB
    assert np.abs(np.asarray(PIL.Image.open(tmp_path / "b.bmp")).astype(int) - 128).max() <= 1


# Damage -------------------------------------------------------------------------------------------------------------


def damaged(kind: str, tmp_path) -> bytes:
    if kind in STILLS:
        return STILLS[kind][0]
    path = tmp_path / "whole.exr"
    if kind == "exr":
        write_exr(path, {"RGB": LIGHT})
        return path.read_bytes()
    if kind == "heic":
        stream = io.BytesIO()
        pillow_heif.from_bytes("RGB", (17, 13), RGB.tobytes()).save(stream)
        return stream.getvalue()
    if kind == "hdr":
        Image.from_array(RGB).save(tmp_path / "whole.hdr")
        return (tmp_path / "whole.hdr").read_bytes()
    return pfm(LIGHT)


@pytest.mark.parametrize(
    "kind", [*sorted({"bmp", "tga", "jp2", "jxl", "ppm", "pgm 16", "text", "pam"}), "exr", "heic", "hdr", "pfm"]
)
def test_truncated_and_damaged_files_are_one_line(tmp_path, kind):
    data = damaged(kind, tmp_path)
    path = tmp_path / ("a.tga" if kind == "tga" else "a.bin")
    for share in (0.3, 0.5, 0.7, 0.9):
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(ImageError) as caught:
            read_image(path)
        assert len(str(caught.value).splitlines()) == 1
    rng = np.random.default_rng(1)
    for _ in range(40):
        broken = bytearray(data)
        for place in rng.integers(len(data) // 8, len(data), 5):
            broken[place] = rng.integers(256)
        path.write_bytes(broken)
        errors = []
        try:
            read_image(path, pixel_limit=10**6)
        except ImageError as error:
            errors = str(error).splitlines()
        assert len(errors) <= 1


@pytest.mark.parametrize(
    "data",
    [
        b"P6\n40000 40000\n255\n",
        b"PF\n40000 40000\n-1.0\n",
        b"#?RADIANCE\n\n-Y 40000 +X 40000\n",
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 10**6, 0, 54, 40, 40000, 40000, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(100),
        struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 40000, 40000, 24, 0) + bytes(100),
        b"\xff\x0a\xfa\x3f\x4e\x1f" + bytes(40),
    ],
    ids=["ppm", "pfm", "hdr", "bmp", "tga", "jxl"],
)
def test_a_huge_canvas_is_refused(tmp_path, data):
    (tmp_path / "a.bin").write_bytes(data)
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path / "a.bin")
    assert len(str(caught.value).splitlines()) == 1


# The list -----------------------------------------------------------------------------------------------------------


def test_the_page_is_what_the_tool_writes():
    page = (ROOT / "docs" / "reference" / "formats.md").read_text(encoding="utf-8")
    assert run_tool("list_formats")["make_page"]() == page, "run python tools/list_formats.py --write"


def test_the_list_has_every_format_that_is_read_or_written():
    listed = {form.name for form in FORMATS}
    assert listed == {*READABLE, "CBZ"}
    assert set(DECODERS) <= listed
    written = {suffix for form in FORMATS if form.writes for suffix in form.suffixes}
    assert set(OUTPUT_SUFFIXES) <= written
