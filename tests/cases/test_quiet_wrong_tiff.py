"""TIFF: extra samples, YCbCr, Lab, 12 bits, pages that are no images of their own, and text tags."""

import contextlib
import dataclasses
import zlib

import numpy as np
import pytest
import tifffile

from kukkiri.errors import ImageError
from kukkiri.images import open_image, read_header, read_image
from tests.cases.made_files import jpeg, lzw, page, scene, tiff

COLOUR = scene(48, 64)
INFRARED = COLOUR[..., :1].copy()
INFRARED[:, :24] = 0


def read(tmp_path, data: bytes):
    (tmp_path / "a.tif").write_bytes(data)
    return read_image(tmp_path / "a.tif")


def doubled(image):
    def twice(samples):
        return None if samples is None else samples.repeat(2, axis=0).repeat(2, axis=1)

    return dataclasses.replace(image, colour=twice(image.colour), alpha=twice(image.alpha), extra=twice(image.extra))


# Extra samples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("stated", [[0], None])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("photometric", [0, 1, 2])
def test_samples_that_are_not_declared_as_alpha_are_channels(tmp_path, photometric, dtype, stated, order, big):
    white = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    shape = COLOUR if photometric == 2 else COLOUR[..., :1]
    if dtype == np.float32 and photometric == 0:
        pytest.skip("nobody inverts floats")
    colour, infrared = ((part / 255 * white).astype(dtype) for part in (shape, INFRARED))
    data = tiff(
        page(np.dstack([colour, infrared]), photometric=photometric, extra=stated, order=order), order=order, big=big
    )
    image = read(tmp_path, data)
    plain = read(tmp_path, tiff(page(np.squeeze(colour), photometric=photometric, order=order), order=order, big=big))
    assert image.alpha is None
    assert np.array_equal(image.colour, plain.colour)
    assert np.array_equal(image.extra, (infrared / np.float32(white)).astype(np.float32))
    image.save(tmp_path / "r.tif")
    with tifffile.TiffFile(tmp_path / "r.tif") as file:
        assert file.pages[0].tags["ExtraSamples"].value == (0,)
        kept = file.pages[0].asarray()
        assert kept.dtype == dtype
        assert np.array_equal(kept[..., -1:], infrared)
        assert np.array_equal(kept[..., :-1], colour if photometric else white - colour)


@pytest.mark.parametrize(
    ("stated", "alpha"), [([0, 0], None), ([2, 0], 0), ([0, 2], 1), ([0, 1, 0], 1), ([0] * 4, None)]
)
def test_masks_beside_alpha_are_told_apart(tmp_path, stated, alpha):
    rng = np.random.default_rng(3)
    behind = rng.integers(1, 255, (48, 64, len(stated)), dtype=np.uint8)
    colour = COLOUR if 1 not in stated else np.minimum(COLOUR, behind[..., [stated.index(1)]])
    image = read(tmp_path, tiff(page(np.dstack([colour, behind]), photometric=2, extra=stated)))
    expected = [at for at in range(len(stated)) if at != alpha]
    assert np.array_equal((image.extra * 255).round(), behind[..., expected])
    if alpha is None:
        assert image.alpha is None
    else:
        assert np.array_equal((image.alpha * 255).round(), behind[..., alpha])
    if 1 in stated:
        colour = (colour / behind[..., [alpha]] * 255).round()
    assert np.abs(image.colour * 255 - colour).max() < 0.51
    image.save(tmp_path / "r.tif")
    with tifffile.TiffFile(tmp_path / "r.tif") as file:
        assert file.pages[0].tags["ExtraSamples"].value == ((2,) if alpha is not None else ()) + (0,) * len(expected)
        assert np.array_equal(file.pages[0].asarray()[..., -len(expected) :], behind[..., expected])


def test_an_extra_sample_of_a_palette_or_of_cmyk_is_a_channel_too(tmp_path):
    table = {320: (3, [level * 257 for level in range(256)] + [999] * 256 + [257] * 256)}
    image = read(tmp_path, tiff(page(np.dstack([COLOUR[..., :1], INFRARED]), photometric=3, extra=[0], more=table)))
    assert image.alpha is None
    assert np.array_equal((image.colour[..., 0] * 255).round(), COLOUR[..., 0])
    assert np.abs(image.colour[..., 1:] * 255 - (999 / 257, 1)).max() < 1
    assert np.array_equal((image.extra * 255).round(), INFRARED)
    ink = np.dstack([COLOUR, INFRARED // 3])
    for extra in ([0], [0, 0]):
        five = tiff(page(np.dstack([ink, *[INFRARED] * len(extra)]), photometric=5, extra=extra))
        image, plain = read(tmp_path, five), read(tmp_path, tiff(page(ink, photometric=5)))
        assert image.alpha is None
        assert np.array_equal(image.colour, plain.colour)
        assert np.array_equal((image.extra * 255).round(), INFRARED.repeat(len(extra), axis=2))


def test_other_formats_drop_extra_samples_with_a_note(tmp_path):
    image = read(tmp_path, tiff(page(np.dstack([COLOUR, INFRARED]), photometric=2, extra=[0])))
    assert image.save(tmp_path / "r.png") == [
        "PNG has no place for the extra sample of each pixel, dropped here; TIFF has"
    ]
    assert np.array_equal(read_image(tmp_path / "r.png").to_array(), COLOUR)


# Other meanings ----------------------------------------------------------------------------------------------------


def to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    r, g, b = (rgb[..., k].astype(float) for k in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    planes = np.stack([y, 128 + (b - y) / 1.772, 128 + (r - y) / 1.402], -1)
    return np.clip(np.round(planes), 0, 255).astype(np.uint8)


def packed_units(planes: np.ndarray, across: int, down: int) -> bytes:
    """Interleaved YCbCr units: across x down luma samples, then one Cb and one Cr."""
    height, width, _ = planes.shape
    padded = np.pad(planes, ((0, -height % down), (0, -width % across), (0, 0)), mode="edge").astype(float)
    rows, columns = padded.shape[0] // down, padded.shape[1] // across
    blocks = padded.reshape(rows, down, columns, across, 3).swapaxes(1, 2)
    luma = blocks[..., 0].reshape(rows, columns, -1)
    chroma = blocks[..., 1:].mean(axis=(2, 3))
    return np.concatenate([luma, chroma], axis=2).round().astype(np.uint8).tobytes()


@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2), (4, 2)])
@pytest.mark.parametrize("compression", [1, 5, 8])
@pytest.mark.parametrize("size", [(40, 48), (41, 51)])
def test_ycbcr_without_jpeg_is_read_in_its_colours(tmp_path, subsampling, compression, size):
    y, x = np.mgrid[: size[0], : size[1]] / 60
    rgb = np.stack([x * 200, y * 200 + 20, 200 - x * 150], axis=-1).clip(0, 255).astype(np.uint8)
    raw = packed_units(to_ycbcr(rgb), *subsampling)
    pack = {1: lambda _: raw, 5: lambda _: lzw(raw), 8: lambda _: zlib.compress(raw)}[compression]
    more = {530: (3, list(subsampling)), 532: (5, [0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1])}
    if compression == 8:
        more[259] = (3, [8])
        compression = 1
    image = read(tmp_path, tiff(page(rgb, photometric=6, compression=compression, pack=pack, more=more)))
    tolerance = 3 if subsampling == (1, 1) else 8  # a chroma sample stands for up to 4 x 2 pixels of a slope
    assert np.abs(image.to_array().astype(int) - rgb).max() <= tolerance


def test_ycbcr_in_tiles_and_of_limited_range_is_read_in_its_colours(tmp_path):
    rgb = np.full((40, 48, 3), (200, 90, 40), np.uint8)
    rgb[:, 20:] = (30, 150, 210)
    planes = to_ycbcr(rgb).astype(float)
    planes[..., 0] = planes[..., 0] / 255 * 219 + 16
    planes[..., 1:] = (planes[..., 1:] - 128) / 127 * 112 + 128
    planes = np.pad(planes.round().astype(np.uint8), ((0, 24), (0, 16), (0, 0)))
    stored = page(rgb, photometric=6)
    tiles = [packed_units(planes[y : y + 32, x : x + 32], 2, 2) for y in (0, 32) for x in (0, 32)]
    stored["data"] = tiles
    reference = [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1]
    stored["tags"] |= {322: (3, [32]), 323: (3, [32]), 530: (3, [2, 2]), 532: (5, reference)}
    del stored["tags"][278]
    image = read(tmp_path, tiff(stored))
    assert np.abs(image.to_array().astype(int) - rgb).max() <= 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("photometric", [8, 9])
def test_lab_of_integers_becomes_srgb(tmp_path, photometric, dtype):
    lab = np.zeros((24, 32, 3), dtype)
    white = {(8, np.uint8): 255, (9, np.uint8): 255, (8, np.uint16): 65535, (9, np.uint16): 65280}[photometric, dtype]
    lab[..., 0] = np.linspace(0, white, 32)[None].round()
    if photometric == 9:
        lab[..., 1:] = 128 if dtype == np.uint8 else 32768
    image = read(tmp_path, tiff(page(lab, photometric=photometric)))
    assert image.notes == ("Lab was converted to sRGB",)
    row = image.colour[0] * 255
    lightness = np.linspace(0, 100, 32)
    light = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    srgb = np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, 12.92 * light) * 255
    assert np.abs(row - srgb[:, None]).max() < 1.5
    assert np.ptp(row, axis=1).max() < 1


def test_colours_of_8_bit_lab_are_signed(tmp_path):
    lab = np.full((8, 8, 3), (136, 80, 67), np.uint8)  # L* 53.3, a* 80, b* 67: red
    image = read(tmp_path, tiff(page(lab, photometric=8)))
    assert np.abs(image.colour[0, 0] * 255 - (255, 0, 0)).max() < 4
    blue = np.full((8, 8, 3), (82, 79, 256 - 108), np.uint8)  # L* 32.3, a* 79, b* -108
    image = read(tmp_path, tiff(page(blue, photometric=8)))
    assert np.abs(image.colour[0, 0] * 255 - (0, 0, 255)).max() < 6


def packed_bits(samples: np.ndarray, bits: int) -> bytes:
    out = bytearray()
    for row in samples.reshape(samples.shape[0], -1).astype(">u2"):
        words = np.unpackbits(row.view(np.uint8).reshape(-1, 2), axis=1)[:, 16 - bits :]
        out += np.packbits(words.reshape(-1)).tobytes()
    return bytes(out)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [4, 6, 10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_ten_to_fourteen_bits_are_read_exactly(tmp_path, bits, channels, order):
    rng = np.random.default_rng(bits)
    levels = rng.integers(0, 2**bits, (20, 33, channels), dtype=np.uint16)
    stored = page(
        levels,
        photometric=1 if channels == 1 else 2,
        bits=bits,
        order=order,
        pack=lambda samples: packed_bits(samples, bits),
        extra=[2] if channels == 4 else None,
    )
    image = read(tmp_path, tiff(stored, order=order))
    assert image.depth == (8 if bits <= 8 else 16)
    found = np.dstack([image.colour, *([] if image.alpha is None else [image.alpha])])
    assert np.array_equal((found * (2**bits - 1)).round(), levels)


def test_twelve_bits_in_strips_tiles_and_lzw(tmp_path):
    levels = (np.arange(64 * 64).reshape(64, 64) % 4096).astype(np.uint16)
    strips = page(levels, photometric=0, bits=12, compression=5, pack=lambda s: b"")
    strips["data"] = [lzw(packed_bits(levels[y : y + 20], 12)) for y in range(0, 64, 20)]
    strips["tags"][278] = (4, [20])
    image = read(tmp_path, tiff(strips))
    assert np.array_equal((image.colour[..., 0] * 4095).round(), 4095 - levels)
    tiles = page(levels, photometric=1, bits=12, pack=lambda s: b"")
    tiles["data"] = [packed_bits(levels[y : y + 32, x : x + 32], 12) for y in (0, 32) for x in (0, 32)]
    tiles["tags"] |= {322: (3, [32]), 323: (3, [32])}
    del tiles["tags"][278]
    image = read(tmp_path, tiff(tiles))
    assert np.array_equal((image.colour[..., 0] * 4095).round(), levels)


def old_jpeg(tiled: bool) -> bytes:
    rgb = scene(64, 64, 9)
    parts = [jpeg(rgb, subsampling=0)]
    tags = {256: (4, [64]), 257: (4, [64]), 258: (3, [8, 8, 8]), 259: (3, [6]), 262: (3, [6]), 277: (3, [3])}
    if tiled:
        parts = [jpeg(np.ascontiguousarray(rgb[y : y + 32, x : x + 32])) for y in (0, 32) for x in (0, 32)]
        tags |= {322: (4, [32]), 323: (4, [32])}
    else:
        tags[278] = (4, [64])
    tags |= {284: (3, [1]), 512: (3, [1]), 514: (4, [len(parts[0])]), 530: (3, [1, 1])}
    return tiff({"tags": tags, "data": parts, "also_offset": [513]})


PLAIN = {
    "old jpeg strips": (lambda: old_jpeg(False), "old-style JPEG compression"),
    "old jpeg tiles": (lambda: old_jpeg(True), "old-style JPEG compression"),
    "lzma": (lambda: tiff(page(COLOUR, photometric=2, compression=34925)), "LZMA compression"),
    "itu lab": (lambda: tiff(page(COLOUR, photometric=10)), "ITU Lab"),
    "unequal": (lambda: tiff(page(COLOUR, photometric=2, more={258: (3, [5, 6, 5])})), "samples of 5, 6, 5 bits"),
    "24 bits": (lambda: tiff(page(COLOUR, photometric=2, bits=24)), "24-bit"),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_a_good_file_that_is_not_decoded_is_refused_in_plain_words(tmp_path, kind):
    make, words = PLAIN[kind]
    with pytest.raises(ImageError, match=words) as caught:
        read(tmp_path, make())
    assert not any(word in str(caught.value) for word in ("corrupt", "truncated", "damaged"))
    assert "Convert it" in str(caught.value)


# Pages -------------------------------------------------------------------------------------------------------------

SMALL = page(np.ascontiguousarray(COLOUR[::4, ::4]), photometric=2, more={254: (4, [1])})
OLD_SMALL = page(np.ascontiguousarray(COLOUR[::4, ::4]), photometric=2, more={255: (3, [2])})
MASK = page(np.packbits(COLOUR[..., 0] > 90, axis=1), photometric=4, more={254: (4, [4]), 256: (4, [64])}, bits=1)
MAIN = page(COLOUR, photometric=2, more={270: (2, "the main one\0")})


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("pages", [(MAIN, SMALL), (MAIN, MASK), (SMALL, MAIN), (MAIN, SMALL, MASK), (OLD_SMALL, MAIN)])
def test_only_pages_that_are_images_of_their_own_count(tmp_path, pages, big):
    image = read(tmp_path, tiff(*pages, big=big))
    assert np.array_equal(image.to_array(), COLOUR)
    assert any("left out" in note for note in image.notes)
    if not big:
        assert b"the main one" in image.metadata.exif


def test_real_pages_are_counted_without_the_others(tmp_path):
    with pytest.raises(ImageError, match="holds 2 pages"):
        read(tmp_path, tiff(MAIN, SMALL, MAIN))
    assert np.array_equal(read(tmp_path, tiff(SMALL)).to_array(), COLOUR[::4, ::4])


# Words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
def test_text_tags_are_kept_in_tiff_and_in_exif_elsewhere(tmp_path, order):
    words = {269: "roll 7", 270: "a description", 285: "page one", 315: "Ada", 316: "desk", 33432: "(c) Ada"}
    more = {tag: (2, text + "\0") for tag, text in words.items()}
    image = read(tmp_path, tiff(page(COLOUR, photometric=2, more=more, order=order), order=order))
    assert image.notes == ()
    assert image.save(tmp_path / "r.tif") == []
    with tifffile.TiffFile(tmp_path / "r.tif") as file:
        assert {tag: file.pages[0].tags[tag].value for tag in words} == words
    for suffix in ("png", "jpg", "webp"):
        assert image.save(tmp_path / f"r.{suffix}") == []
        data = (tmp_path / f"r.{suffix}").read_bytes()
        assert all(text.encode() in data for text in words.values())


def test_tags_that_no_result_can_keep_are_noted(tmp_path):
    more = {33550: (12, [10.0, 10.0, 0.0]), 34735: (3, [1, 1, 0, 0])}
    image = read(tmp_path, tiff(page(COLOUR, photometric=2, more=more)))
    assert image.notes == ("the georeference in its TIFF tags cannot be kept and is dropped",)


# Headers and damage ------------------------------------------------------------------------------------------------


def test_the_header_is_that_of_the_page_that_is_read(tmp_path):
    turned = page(COLOUR, photometric=2, more={274: (4, [6])})
    rgba = page(np.dstack([COLOUR, INFRARED, INFRARED]), photometric=2, extra=[0, 2])
    for pages, size, channels in (((SMALL, MAIN), (48, 64), 3), ((turned,), (64, 48), 3), ((rgba,), (48, 64), 4)):
        (tmp_path / "a.tif").write_bytes(tiff(*pages))
        header = read_header(tmp_path / "a.tif")
        assert (header.size, header.channels) == (size, channels)


@pytest.mark.parametrize("kind", ["12 bits", "ycbcr", "lab", "extra", "pages", "big"])
def test_damage_of_an_unusual_page_ends_in_an_image_or_an_image_error(kind):
    levels = (np.arange(64 * 64).reshape(64, 64) % 4096).astype(np.uint16)
    units = packed_units(to_ycbcr(COLOUR), 2, 2)
    data = {
        "12 bits": tiff(page(levels, photometric=1, bits=12, pack=lambda samples: packed_bits(samples, 12))),
        "ycbcr": tiff(page(COLOUR, photometric=6, pack=lambda _: units, more={530: (3, [2, 2])})),
        "lab": tiff(page(COLOUR, photometric=8)),
        "extra": tiff(page(np.dstack([COLOUR, INFRARED, INFRARED]), photometric=2, extra=[0, 1])),
        "pages": tiff(MAIN, SMALL, MASK),
        "big": tiff(MAIN, SMALL, big=True),
    }[kind]
    rng = np.random.default_rng(6)
    for number in range(150):
        torn = bytearray(data if number % 4 else data[: rng.integers(10, len(data))])
        for _ in range(rng.integers(1, 4)):
            start = max(0, len(torn) - 360) if number % 2 else 0  # where the directories are, or anywhere
            torn[rng.integers(start, len(torn))] = rng.integers(0, 256)
        with contextlib.suppress(ImageError):
            open_image(bytes(torn), pixel_limit=10**6)
