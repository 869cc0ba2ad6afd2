"""Colours that a file tells by codes (nclx in AVIF, cICP in PNG) are carried over or converted, never dropped."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from kukkiri.errors import ImageError
from kukkiri.images import Metadata, open_image, read_image
from kukkiri.images.containers import avif
from kukkiri.images.decoding import EncodedFile, _settle_avif
from tests.cases.made_files import chunk, png, scene

CODES = {
    "PQ BT.2020": (9, 16, 9),
    "PQ P3": (12, 16, 6),
    "HLG BT.2020": (9, 18, 9),
    "linear BT.2020": (9, 8, 6),
    "P3": (12, 13, 6),
    "BT.709": (1, 1, 1),
}


def steps() -> np.ndarray:
    coloured = np.zeros((48, 64, 3), np.uint8)
    coloured[:] = np.repeat([0, 85, 170, 255], 16)[None, :, None]
    coloured[24:, 16:32], coloured[24:, 32:48] = (200, 60, 40), (40, 160, 220)
    return coloured


def avif_of(samples: np.ndarray, codes=None, *, mode: str = "RGB", **options: object) -> bytes:
    """AVIF whose colour box says ``codes`` = (primaries, transfer, matrix); the samples stay what they are."""
    out = io.BytesIO()
    defaults = {"quality": 100, "range": "full", "subsampling": "4:4:4"}
    Image.fromarray(samples).convert(mode).save(out, "AVIF", **{**defaults, **options})
    data = bytearray(out.getvalue())
    if codes:
        struct.pack_into(">HHH", data, data.index(b"colrnclx") + 8, *codes)
    return bytes(data)


def png_chunks(data: bytes) -> dict[bytes, bytes]:
    found, position = {}, 8
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        found[kind] = data[position + 8 : position + 8 + length]
        position += 12 + length
    return found


@pytest.mark.parametrize("name", CODES)
def test_the_codes_of_an_avif_go_into_png(tmp_path, name):
    (tmp_path / "a.avif").write_bytes(avif_of(steps(), CODES[name]))
    assert read_image(tmp_path / "a.avif").save(tmp_path / "r.png") == []
    chunks = png_chunks((tmp_path / "r.png").read_bytes())
    assert chunks[b"cICP"] == bytes([*CODES[name][:2], 0, 1])
    assert b"iCCP" not in chunks


def test_an_srgb_avif_gives_a_png_without_codes(tmp_path):
    (tmp_path / "a.avif").write_bytes(avif_of(steps()))
    read_image(tmp_path / "a.avif").save(tmp_path / "r.png")
    assert set(png_chunks((tmp_path / "r.png").read_bytes())) == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.parametrize("quality", [None, 100])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("name", CODES)
def test_codes_go_from_png_to_avif_and_back(tmp_path, name, depth, quality):
    samples = scene(40, 56) if depth == 8 else scene(40, 56).astype(np.uint16) * 257
    codes = bytes([*CODES[name][:2], 0, 1])
    (tmp_path / "a.png").write_bytes(png(samples, extra=chunk(b"cICP", codes)))
    image = read_image(tmp_path / "a.png")
    image.save(tmp_path / "r.avif", quality=quality)
    data = (tmp_path / "r.avif").read_bytes()
    colour = avif.read_colour(data)
    assert (colour.primaries, colour.transfer) == CODES[name][:2]
    decoded = pyvips.Image.new_from_buffer(data, "").numpy().astype(int) // (257 if depth == 16 else 1)
    assert np.abs(decoded - scene(40, 56)).max() <= 40  # of the encoder, at hard edges; a wrong matrix moves means
    assert np.abs(decoded.mean(axis=(0, 1)) - scene(40, 56).mean(axis=(0, 1))).max() < 1
    with Image.open(io.BytesIO(data)) as other:  # libavif
        assert np.abs(np.asarray(other.convert("RGB")).mean(axis=(0, 1)) - scene(40, 56).mean(axis=(0, 1))).max() < 1
    image.save(tmp_path / "r.png")
    assert png_chunks((tmp_path / "r.png").read_bytes())[b"cICP"] == codes
    back = read_image(tmp_path / "r.avif")
    assert back.metadata.codes == (*CODES[name][:2], True)


def test_codes_outrank_a_profile_in_png_and_keep_it_there(tmp_path, display_p3):
    extra = chunk(b"iCCP", b"p3\0\0" + zlib.compress(display_p3)) + chunk(b"cICP", bytes([9, 16, 0, 1]))
    (tmp_path / "a.png").write_bytes(png(scene(40, 56), extra=extra))
    image = read_image(tmp_path / "a.png")
    image.save(tmp_path / "r.png")
    chunks = png_chunks((tmp_path / "r.png").read_bytes())
    assert chunks[b"cICP"] == bytes([9, 16, 0, 1])
    assert b"iCCP" in chunks
    image.save(tmp_path / "r.avif")
    assert read_image(tmp_path / "r.avif").metadata.codes == (9, 16, True)
    image.save(tmp_path / "r.jpg")
    assert read_image(tmp_path / "r.jpg").metadata.icc == display_p3


@pytest.fixture(scope="module")
def display_p3() -> bytes:
    return bytes(pyvips.Image.profile_load("p3"))


@pytest.mark.parametrize("suffix", ["jpg", "tif", "webp"])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("name", ["P3", "linear BT.2020"])
def test_a_format_without_codes_gets_a_profile_of_the_same_colours(tmp_path, name, suffix, grey):
    samples = steps()[..., :1] if grey else steps()
    primaries, transfer, _ = CODES[name]
    (tmp_path / "a.png").write_bytes(png(samples, extra=chunk(b"cICP", bytes([primaries, transfer, 0, 1]))))
    (note,) = read_image(tmp_path / "a.png").save(tmp_path / f"r.{suffix}", quality=100)
    assert "are told by a colour profile" in note
    image = read_image(tmp_path / f"r.{suffix}")
    kept = np.broadcast_to((image.colour * 255).round(), (48, 64, 3)).astype(np.uint8)
    assert np.abs(kept.astype(int) - samples).max() <= 4
    profile = ImageCms.ImageCmsProfile(io.BytesIO(image.metadata.icc))
    if grey and suffix != "webp":
        assert profile.profile.xcolor_space.strip() == "GRAY"
        return
    patch = Image.fromarray(np.uint8([[[200, 60, 40], [128, 128, 128], [90, 160, 120]]]))
    seen = np.asarray(ImageCms.profileToProfile(patch, profile, ImageCms.createProfile("sRGB"))).astype(int)
    assert np.abs(seen - expected_srgb(np.asarray(patch) / 255, primaries, transfer)).max() <= 2


def expected_srgb(coded: np.ndarray, primaries: int, transfer: int) -> np.ndarray:
    """sRGB of P3 or BT.2020 by matrices of the literature (CSS Color 4)."""
    to_xyz = {
        12: [[0.486571, 0.265668, 0.198217], [0.228975, 0.691739, 0.079287], [0, 0.045113, 1.043944]],
        9: [[0.636958, 0.144617, 0.168881], [0.262700, 0.677998, 0.059302], [0, 0.028073, 1.060985]],
    }[primaries]
    from_xyz = [[3.240970, -1.537383, -0.498611], [-0.969244, 1.875968, 0.041555], [0.055630, -0.203977, 1.056972]]
    light = coded if transfer == 8 else np.where(coded > 0.04045, ((coded + 0.055) / 1.055) ** 2.4, coded / 12.92)
    light = (light @ np.array(to_xyz).T @ np.array(from_xyz).T).clip(0, 1)
    return np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light) * 255


def pq(light: np.ndarray) -> np.ndarray:
    """PQ of light in candelas per square metre (SMPTE ST 2084)."""
    power = (light / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


@pytest.mark.parametrize("suffix", ["jpg", "tif", "webp"])
def test_pq_below_diffuse_white_becomes_exactly_srgb(tmp_path, suffix):
    light = np.linspace(0, 203, 64)  # candelas per square metre, up to diffuse white of BT.2408
    samples = np.broadcast_to((pq(light) * 65535).round().astype(np.uint16)[None, :, None], (16, 64, 3)).copy()
    (tmp_path / "a.png").write_bytes(png(samples, extra=chunk(b"cICP", bytes([9, 16, 0, 1]))))
    notes = read_image(tmp_path / "a.png").save(tmp_path / f"r.{suffix}", quality=100)
    name = {"jpg": "JPEG", "tif": "TIFF", "webp": "WebP"}[suffix]
    assert f"BT.2020 PQ colours, for which {name} has no place" in " ".join(notes)
    unit = light / 203
    expected = np.where(unit > 0.0031308, 1.055 * unit ** (1 / 2.4) - 0.055, 12.92 * unit) * 255
    assert np.abs(read_image(tmp_path / f"r.{suffix}").colour[8] * 255 - expected[:, None]).max() <= 2
    assert read_image(tmp_path / f"r.{suffix}").metadata.icc is None


def test_highlights_of_hdr_are_rolled_off_in_order(tmp_path):
    light = np.concatenate([np.linspace(0, 203, 32), np.linspace(210, 4000, 32)])
    for transfer, coded in ((16, pq(light)), (18, np.linspace(0, 1, 64))):
        samples = np.broadcast_to((coded * 65535).round().astype(np.uint16)[None, :, None], (16, 64, 3)).copy()
        (tmp_path / "a.png").write_bytes(png(samples, extra=chunk(b"cICP", bytes([9, transfer, 0, 1]))))
        read_image(tmp_path / "a.png").save(tmp_path / "r.tif", overwrite=True)
        row = read_image(tmp_path / "r.tif").colour[0]
        assert (np.diff(row[:, 0]) > 0).all()
        assert (row[0].max(), row[-1].min()) == (0, pytest.approx(1, abs=1e-4))
        assert np.ptp(row, axis=1).max() < 1e-3


@pytest.mark.parametrize("full", [True, False])
def test_grey_of_limited_range_is_spread_and_one_channel(tmp_path, full):
    grey = steps()[..., 0]
    data = avif_of(grey, mode="L", subsampling="4:0:0", range="full" if full else "limited")
    (tmp_path / "a.avif").write_bytes(data)
    image = read_image(tmp_path / "a.avif")
    assert image.colour.shape == (48, 64, 1)
    inside = image.to_array()[4:20].astype(int)
    for column, level in zip((8, 24, 40, 56), (0, 85, 170, 255), strict=True):
        assert np.abs(inside[:, column] - level).max() <= 1


def test_colour_of_limited_range_is_spread_by_the_decoder(tmp_path):
    (tmp_path / "a.avif").write_bytes(avif_of(steps(), range="limited"))
    assert np.abs(read_image(tmp_path / "a.avif").to_array().astype(int) - steps()).max() <= 3


def test_the_stream_tells_the_colours_when_no_box_does(tmp_path):
    data = bytearray(avif_of(steps()[..., 0], mode="L", subsampling="4:0:0", range="limited"))
    at = data.index(b"colrnclx")
    data[at : at + 4] = b"free"
    assert avif.read_colour(bytes(data)) == avif.Colour(1, 13, 6, full_range=False, monochrome=True)
    (tmp_path / "a.avif").write_bytes(bytes(data))
    image = read_image(tmp_path / "a.avif")
    assert np.abs(image.to_array()[10, [8, 24, 40, 56]].astype(int) - [0, 85, 170, 255]).max() <= 1


def test_light_levels_of_hdr_are_converted_to_those_of_png():
    assert avif._convert_light_level(struct.pack(">HH", 1000, 400)) == struct.pack(">II", 10_000_000, 4_000_000)
    green_blue_red = struct.pack(">6H", 13250, 34500, 7500, 3000, 34000, 16000)
    rest = struct.pack(">HHII", 15635, 16450, 10_000_000, 1)
    expected = struct.pack(">6H", 34000, 16000, 13250, 34500, 7500, 3000) + rest
    assert avif._convert_mastering(green_blue_red + rest) == expected


def test_a_matrix_that_is_not_decoded_is_refused_in_plain_words(tmp_path):
    (tmp_path / "a.avif").write_bytes(avif_of(steps(), (9, 16, 14)))
    with pytest.raises(ImageError, match="its colours are coded as ICtCp, which is not decoded here"):
        read_image(tmp_path / "a.avif")


def test_grey_of_ten_bits_and_limited_range_is_spread():
    levels = np.uint16([[[64 << 6] * 3, [502 << 6] * 3, [940 << 6] * 3, [1023 << 6] * 3]])
    colour = avif.Colour(1, 13, 6, full_range=False, monochrome=True)
    file = EncodedFile(None, "a", "AVIF", b"", colour=colour)
    spread, bits = _settle_avif(levels, 10, file, Metadata())
    assert (spread.shape, bits) == ((1, 4, 1), 10)
    assert spread.ravel().tolist() == [0, 512, 1023, 1023]


def test_damage_of_an_avif_ends_in_an_image_or_an_image_error():
    data = avif_of(steps(), (9, 16, 9))
    rng = np.random.default_rng(5)
    for _ in range(200):
        torn = bytearray(data)
        for _ in range(rng.integers(1, 5)):
            torn[rng.integers(0, len(torn) // 2)] = rng.integers(0, 256)
        with contextlib.suppress(ImageError):
            open_image(bytes(torn), pixel_limit=10**6)
