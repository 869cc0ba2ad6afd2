import dataclasses
import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import pytest
import pyvips
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.io import imread

from kukkiri.errors import ConfigError, ImageError
from kukkiri.files import IMAGE_SUFFIXES
from kukkiri.images import OUTPUT_SUFFIXES, Image, Metadata, check_output, read_image, save_image
from tests.images.conftest import IPTC, XMP, encode, exif_tags

FULL_SUFFIXES = (".apng", ".avif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")  # they hold profile, EXIF and XMP
LOSSLESS = {"dtype": [np.uint8, np.uint16, np.float32], ".png": (8, 16), ".tif": (8, 16, 32), ".webp": (8,)}


def image_of(array: np.ndarray, **fields: object) -> Image:
    return dataclasses.replace(Image.from_array(array), **fields)


@pytest.fixture(scope="module")
def full(make_exif, display_p3):
    """All the metadata there is."""
    return Metadata(
        icc=display_p3,
        exif=make_exif().block,
        xmp=XMP % 1,
        iptc=IPTC,
        resolution=(300.0, 150.0),
        png_text=(b"tEXtTitle\0A sea", b"iTXtAuthor\0\0\0\0\0\xe6\xb5\xb7"),
    )


# The whole way ------------------------------------------------------------------------------------------------------


def test_sixteen_bit_rgba_with_profile_and_orientation_keeps_all_four(tmp_path, pixels, make_exif, display_p3):
    array = pixels(30, 50, 4, np.uint16)
    array[:10, :, 3], array[10:20, :, 3] = 0, 65535
    source = tmp_path / "phone [6].png"
    source.write_bytes(encode(array, "png", icc_profile_data=display_p3, exif_data=make_exif(6).block))
    image = read_image(source)
    assert image.save(tmp_path / "out.png") == []

    upright = np.rot90(array, -1)
    written = (tmp_path / "out.png").read_bytes()
    back = pyvips.Image.new_from_buffer(written, "")  # as another program reads it
    assert back.format == "ushort"
    assert np.array_equal(back.numpy(), upright)
    assert back.get("icc-profile-data") == display_p3
    assert back.get("orientation") == 1
    kept = exif_tags(back.get("exif-data"))
    sized = {"Exif 0xa002": 30, "Exif 0xa003": 50, "0th 0x0112": 1}
    # libvips wrote the source's block, so the tags it lost or invented there are not ours to keep.
    assert kept == exif_tags(encode_exif(source)) | sized
    again = read_image(tmp_path / "out.png")
    assert np.array_equal(again.to_array(), upright)
    assert again.metadata == dataclasses.replace(image.metadata, exif=again.metadata.exif)


def encode_exif(source) -> bytes:
    return pyvips.Image.pngload(str(source)).get("exif-data")


lossless_arrays = st.sampled_from(
    [
        (np.uint8, ".png"),
        (np.uint16, ".png"),
        (np.uint8, ".tif"),
        (np.uint16, ".tif"),
        (np.float32, ".tif"),
        (np.uint8, ".webp"),
    ]
).flatmap(
    lambda kind: st.tuples(
        st.just(kind[1]),
        arrays(
            kind[0],
            st.tuples(
                st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4] if kind[1] == ".webp" else [1, 2, 3, 4])
            ),
            elements=st.floats(0, 1, width=32) if kind[0] == np.float32 else None,
        ),
    )
)


@settings(max_examples=80)
@given(lossless_arrays)
def test_lossless_formats_give_back_every_level(tmp_path_factory, case):
    suffix, array = case
    file = tmp_path_factory.mktemp("round") / f"a{suffix}"
    expected = Image.from_array(array)
    assert expected.save(file) == []
    back = read_image(file)
    assert back.depth == expected.depth
    assert np.array_equal(back.to_array(), expected.to_array())


def test_other_readers_see_the_same_pixels(tmp_path, pixels):
    for dtype in (np.uint8, np.uint16):
        for channels in (1, 3, 4):
            array = np.squeeze(pixels(11, 17, channels, dtype))
            image_of(array).save(tmp_path / "a.tif", overwrite=True)
            assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), array)
            image_of(array).save(tmp_path / "a.png", overwrite=True)
            if dtype == np.uint8 or channels == 1:  # Pillow cuts 16-bit colour to 8
                assert np.array_equal(imread(tmp_path / "a.png"), array)
    array = np.random.default_rng(0).random((5, 6, 3), np.float32)
    image_of(array).save(tmp_path / "f.tif")
    assert np.array_equal(tifffile.imread(tmp_path / "f.tif"), array)


@pytest.mark.parametrize("suffix", FULL_SUFFIXES)
def test_profile_exif_xmp_and_resolution_go_into_every_format(tmp_path, pixels, full, make_exif, suffix):
    image_of(pixels(40, 24, 3), metadata=full).save(tmp_path / f"a{suffix}")
    kept = read_image(tmp_path / f"a{suffix}").metadata
    assert kept.icc == full.icc
    assert kept.xmp == full.xmp
    expected = make_exif().tags | {"Exif 0xa002": 24, "Exif 0xa003": 40}
    if suffix in (".tif", ".tiff"):
        expected.pop("0th 0x0112")  # it is the file's own tag there
    assert exif_tags(kept.exif) == expected
    if suffix not in (".webp", ".avif"):  # these keep it in EXIF only
        assert kept.resolution == pytest.approx(full.resolution, abs=0.02)


@pytest.mark.parametrize("suffix", FULL_SUFFIXES)
def test_no_metadata_is_added_when_there_is_none(tmp_path, pixels, suffix):
    image_of(pixels(8, 8, 3)).save(tmp_path / f"a{suffix}")
    assert read_image(tmp_path / f"a{suffix}").metadata == Metadata()


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_a_resolution_without_exif_is_put_into_exif(tmp_path, pixels, suffix):
    image_of(pixels(8, 8, 3), metadata=Metadata(resolution=(300.0, 150.0))).save(tmp_path / f"a{suffix}")
    assert read_image(tmp_path / f"a{suffix}").metadata.resolution == pytest.approx((300, 150))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_iptc_goes_into_jpeg_and_tiff(tmp_path, pixels, full, suffix):
    image_of(pixels(8, 8, 3), metadata=full).save(tmp_path / f"a{suffix}")
    assert read_image(tmp_path / f"a{suffix}").metadata.iptc == IPTC


def test_png_text_and_colour_chunks_go_into_png(tmp_path, pixels, full):
    colour = {b"gAMA": (100000).to_bytes(4, "big"), b"cICP": bytes([9, 16, 0, 1])}
    metadata = dataclasses.replace(full, icc=None, iptc=None, png_colour=colour)
    assert image_of(pixels(8, 8, 3), metadata=metadata).save(tmp_path / "a.png") == []
    kept = read_image(tmp_path / "a.png").metadata
    assert (kept.png_text, kept.png_colour) == (full.png_text, colour)


# What a format cannot hold ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "dtype", "note"),
    [
        (".jpg", np.uint16, "JPEG stores 8 bits per sample, not 16"),
        (".webp", np.uint16, "WebP stores 8 bits per sample, not 16"),
        (".avif", np.uint16, "AVIF stores 12 bits per sample, not 16"),
        (".png", np.float32, "PNG stores 16 bits per sample, not 32"),
        (".jpg", np.float32, "JPEG stores 8 bits per sample, not 32"),
    ],
)
def test_lost_depth_is_noted(tmp_path, suffix, dtype, note):
    array = np.full((16, 16, 3), 0.5, np.float32) if dtype == np.float32 else np.full((16, 16, 3), 30000, dtype)
    assert image_of(array).save(tmp_path / f"a{suffix}") == [note]


def test_depth_is_reduced_by_rounding_not_by_truncation(tmp_path):
    levels = np.arange(0, 65536, 97, dtype=np.uint16)[None]
    image_of(levels).save(tmp_path / "a.webp")
    expected = (levels.astype(np.int64) * 255 + 32767) // 65535  # exact halves do not occur: 65535 = 257 * 255
    assert np.array_equal(read_image(tmp_path / "a.webp").to_array()[:, :, 0], expected)


def test_avif_of_twelve_bits_is_exact_at_its_best_quality(tmp_path, pixels):
    array = pixels(16, 16, 4, np.uint16)
    image_of(array).save(tmp_path / "a.avif", quality=100)
    expected = (array.astype(np.int64) * 4095 * 2 + 65535) // (2 * 65535)
    back = read_image(tmp_path / "a.avif")
    assert np.array_equal((back.colour * 4095).round(), expected[:, :, :3])
    assert np.array_equal((back.alpha * 4095).round(), expected[:, :, 3])


def test_jpeg_lays_alpha_on_white_with_a_note(tmp_path):
    array = np.zeros((16, 48, 4), np.uint8)
    array[:, 16:, 0] = 200
    array[:, 16:32, 3], array[:, 32:, 3] = 51, 255
    notes = image_of(array).save(tmp_path / "a.jpg", quality=100)
    assert notes == ["JPEG has no alpha: the image was laid on white"]
    back = read_image(tmp_path / "a.jpg").to_array().astype(int)
    for columns, colour in (
        (slice(2, 14), (255, 255, 255)),
        (slice(18, 30), (244, 204, 204)),
        (slice(34, 46), (200, 0, 0)),
    ):
        assert np.abs(back[:, columns] - colour).max() <= 2


def test_an_opaque_alpha_is_no_loss_to_jpeg(tmp_path):
    array = np.full((8, 8, 4), 255, np.uint8)
    assert image_of(array).save(tmp_path / "a.jpg") == []


def test_grey_stays_grey_where_the_format_has_it(tmp_path, pixels):
    for suffix, channels in ((".png", 1), (".jpg", 1), (".tif", 1), (".webp", 3), (".avif", 3)):
        assert image_of(pixels(8, 8, 1)).save(tmp_path / f"a{suffix}") == []
        colour = read_image(tmp_path / f"a{suffix}").colour
        assert colour.shape[2] == channels
        assert np.ptp(colour, axis=2).max() == 0


def test_a_profile_of_the_wrong_space_is_dropped_with_a_note(tmp_path, pixels):
    grey = Metadata(icc=bytes(16) + b"GRAY" + bytes(200))
    assert image_of(pixels(8, 8, 1), metadata=grey).save(tmp_path / "a.jpg") == []
    assert read_image(tmp_path / "a.jpg").metadata.icc == grey.icc
    notes = image_of(pixels(8, 8, 1), metadata=grey).save(tmp_path / "a.webp")
    assert notes == ["the colour profile is not for RGB pixels, which WebP stores, and was dropped"]
    assert read_image(tmp_path / "a.webp").metadata.icc is None


def test_dropped_metadata_is_noted(tmp_path, pixels, full):
    gamma = dataclasses.replace(full, icc=None, exif=None, png_colour={b"gAMA": (100000).to_bytes(4, "big")})
    notes = image_of(pixels(8, 8, 3), metadata=gamma).save(tmp_path / "a.webp")
    assert [note.split(" do")[0] for note in notes] == ["IPTC captions", "PNG text", "PNG's gamma"]


def test_a_damaged_profile_that_the_encoder_leaves_out_is_noted(tmp_path, pixels):
    damaged = Metadata(icc=bytes(16) + b"RGB " + bytes(200))
    for suffix in FULL_SUFFIXES:
        notes = image_of(pixels(16, 16, 3), metadata=damaged).save(tmp_path / f"a{suffix}")
        kept = damaged.icc in (tmp_path / f"a{suffix}").read_bytes()
        dropped = ["the colour profile is damaged and was dropped"]
        assert notes == ([] if kept or suffix in (".png", ".apng") else dropped)


def test_tiff_above_four_gigabytes_is_a_big_tiff_without_exif_and_with_a_note(tmp_path, pixels, full, monkeypatch):
    monkeypatch.setattr("kukkiri.images.encoding._CLASSIC_TIFF", 0)
    array = pixels(16, 16, 3)
    notes = image_of(array, metadata=dataclasses.replace(full, png_text=())).save(tmp_path / "a.tif")
    assert notes == ["EXIF could not be put into this TIFF and was dropped"]
    assert (tmp_path / "a.tif").read_bytes()[:4] == b"II+\0"
    assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), array)


def test_exif_too_large_for_jpeg_is_dropped_with_a_note(tmp_path, pixels, make_exif):
    metadata = Metadata(exif=make_exif().block + bytes(70000))
    notes = image_of(pixels(8, 8, 3), metadata=metadata).save(tmp_path / "a.jpg")
    assert notes == [f"EXIF of {len(metadata.exif)} bytes is too large for JPEG and was dropped"]
    assert image_of(pixels(8, 8, 3), metadata=metadata).save(tmp_path / "a.png") == []
    assert exif_tags(read_image(tmp_path / "a.png").metadata.exif)["0th 0x010f"] == "Acme"


def test_quality_decides_size_and_loss(tmp_path, pixels):
    array = pixels(64, 64, 3)

    def saved(name, **options):
        lossy = options.pop("lossy", False)
        image_of(array, lossy=lossy).save(tmp_path / name, overwrite=True, **options)
        error = np.abs(read_image(tmp_path / name).to_array().astype(int) - array).max()
        return (tmp_path / name).stat().st_size, error

    assert saved("a.jpg", quality=20)[0] < saved("a.jpg", quality=95)[0] == saved("a.jpg")[0]
    assert saved("a.webp")[1] == 0
    assert saved("a.webp", quality=50)[1] > 0
    assert saved("a.webp", lossy=True)[1] > 0
    assert saved("a.webp", lossy=True, quality=100)[1] == 0
    assert saved("a.avif")[1] > 0
    assert saved("a.avif", quality=100)[1] == 0


@pytest.mark.parametrize("quality", [0, 101])
def test_impossible_qualities_are_refused(tmp_path, pixels, quality):
    with pytest.raises(ConfigError, match=f"1 to 100, got {quality}"):
        image_of(pixels(4, 4, 3)).save(tmp_path / "a.jpg", quality=quality)


def test_colour_under_transparent_pixels_survives(tmp_path):
    array = np.full((8, 8, 4), (200, 10, 60, 0), np.uint8)
    for suffix in (".png", ".webp", ".tif"):
        image_of(array).save(tmp_path / f"a{suffix}")
        assert np.array_equal(read_image(tmp_path / f"a{suffix}").to_array(), array)


def test_the_same_image_gives_the_same_bytes(tmp_path, pixels, full):
    for suffix in FULL_SUFFIXES:
        for name in ("a", "b"):
            image_of(pixels(32, 32, 3), metadata=full).save(tmp_path / f"{name}{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


# Refusals -----------------------------------------------------------------------------------------------------------


def test_an_existing_file_is_kept(tmp_path, pixels):
    file = tmp_path / "a.png"
    file.write_bytes(b"mine")
    with pytest.raises(ImageError, match=r"a\.png: exists already.*--overwrite"):
        image_of(pixels(4, 4, 3)).save(file)
    assert file.read_bytes() == b"mine"
    image_of(pixels(4, 4, 3)).save(file, overwrite=True)
    assert read_image(file).size == (4, 4)


@pytest.mark.parametrize("name", ["same.png", "symbolic.png", "hard.png", "folder/../same.png"])
def test_the_input_is_never_overwritten_by_any_name(tmp_path, pixels, name):
    source = tmp_path / "same.png"
    source.write_bytes(encode(pixels(4, 4, 3), "png"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "symbolic.png").symlink_to(source)
    os.link(source, tmp_path / "hard.png")
    with pytest.raises(ImageError, match="is the input itself"):
        check_output(tmp_path / name, source=source, overwrite=True)
    with pytest.raises(ImageError, match="is the input itself"):
        read_image(source).save(tmp_path / name, overwrite=True)
    check_output(tmp_path / "other.png", source=source)


@pytest.mark.parametrize(("name", "got"), [("a.xyz", "suffix '.xyz'"), ("a", "no suffix"), ("a.png.", "suffix '.'")])
def test_unknown_suffixes_are_refused_with_the_known_ones(tmp_path, name, got):
    with pytest.raises(ImageError, match=f"{got}|no suffix") as caught:
        check_output(tmp_path / name)
    for suffix in FULL_SUFFIXES:
        assert suffix in str(caught.value)


def test_suffixes_are_known_in_either_case(tmp_path, pixels):
    image_of(pixels(4, 4, 3)).save(tmp_path / "a.JPG")
    assert read_image(tmp_path / "a.JPG").lossy


def test_every_suffix_that_can_be_written_is_listed_in_folders():
    assert set(OUTPUT_SUFFIXES) <= set(IMAGE_SUFFIXES)


def test_missing_folders_and_folders_are_refused(tmp_path):
    with pytest.raises(ImageError, match=r"there is no folder .*none"):
        check_output(tmp_path / "none" / "a.png")
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ImageError, match="is a folder"):
        check_output(tmp_path / "a.png", overwrite=True)


@pytest.mark.parametrize(("name", "why"), [("x" * 300 + ".png", "name too long"), ("a\0.png", "zero byte")])
def test_impossible_file_names_are_one_line(tmp_path, pixels, name, why):
    with pytest.raises(ImageError, match=f"(?i){why}"):
        check_output(tmp_path / name)
    with pytest.raises(ImageError, match=f"(?i){why}"):
        image_of(pixels(4, 4, 3)).save(tmp_path / name)


@pytest.mark.parametrize(("suffix", "side"), [(".webp", 16383), (".jpg", 65500), (".avif", 16384)])
def test_sides_beyond_the_format_are_refused_before_work(tmp_path, suffix, side):
    check_output(tmp_path / f"a{suffix}", size=(9, side))
    with pytest.raises(ImageError, match=rf"9x{side + 1} is too large for .*Use \.png or \.tif"):
        check_output(tmp_path / f"a{suffix}", size=(side + 1, 9))


@pytest.mark.parametrize("suffix", [".webp", ".jpg", ".png"])
def test_the_longest_side_really_can_be_written(tmp_path, suffix):
    side = {".webp": 16383, ".jpg": 65500, ".png": 70000}[suffix]
    Image(colour=np.zeros((1, side, 3), np.float32)).save(tmp_path / f"a{suffix}")
    assert read_image(tmp_path / f"a{suffix}").size == (1, side)


@pytest.mark.parametrize("where", ["colour", "alpha"])
def test_nan_and_infinity_are_not_written(tmp_path, where):
    bad = np.zeros((4, 4, 4), np.float32)
    image = Image.from_array(bad)
    getattr(image, where)[1, 2] = np.nan
    with pytest.raises(ImageError, match=r"a\.png: the pixels hold NaN"):
        image.save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_names_are_taken_literally(tmp_path, pixels):
    for name in ("a[Q=1].jpg", "a[strip].png", "ひ.webp"):
        image_of(pixels(8, 8, 3)).save(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["a[Q=1].jpg", "a[strip].png", "ひ.webp"])


# Failures midway ----------------------------------------------------------------------------------------------------


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


def test_a_failing_encoder_leaves_the_old_file_and_one_line(tmp_path, pixels, monkeypatch):
    file = tmp_path / "a.png"
    file.write_bytes(b"old")
    monkeypatch.setattr(
        pyvips.Image, "pngsave_buffer", raising(pyvips.Error("no", "vipspng: libpng is out of ink")), raising=False
    )
    with pytest.raises(ImageError, match=r"a\.png: libvips could not write PNG \(libpng is out of ink\)"):
        image_of(pixels(4, 4, 3)).save(file, overwrite=True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", b"old")]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_a_full_or_closed_disk_is_one_line(tmp_path, pixels, monkeypatch, error):
    monkeypatch.setattr(os, "fsync", raising(error))
    with pytest.raises(ImageError, match=rf"a\.png: cannot be written \({error.strerror}\)"):
        image_of(pixels(4, 4, 3)).save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_interrupting_leaves_nothing_behind(tmp_path, pixels, monkeypatch, step):
    monkeypatch.setattr(os, step, raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        image_of(pixels(4, 4, 3)).save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_library_without_the_encoder_is_one_line(tmp_path, pixels, monkeypatch):
    monkeypatch.setattr(
        pyvips.Image, "heifsave_buffer", raising(pyvips.Error("no such operation heifsave_buffer")), raising=False
    )
    with pytest.raises(ImageError, match=r"could not write AVIF .*Use \.png"):
        image_of(pixels(4, 4, 3)).save(tmp_path / "a.avif")


def test_pillow_finds_no_fault_with_the_files(tmp_path, pixels, full):
    for suffix in FULL_SUFFIXES:
        save_image(image_of(pixels(20, 30, 4), metadata=full), tmp_path / f"a{suffix}")
        with PIL.Image.open(io.BytesIO((tmp_path / f"a{suffix}").read_bytes())) as image:
            image.verify()
        with PIL.Image.open(tmp_path / f"a{suffix}") as image:
            image.load()
            assert image.size == (30, 20)
            assert image.info["icc_profile"] == full.icc
            assert image.getexif()[0x010F] == "Acme"
            assert image.getexif().get_ifd(0x8825)[1] == "N"


def test_several_threads_do_not_disturb_one_another(tmp_path, pixels, full):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    image_of(pixels(40, 50, 4, np.uint16), metadata=full).save(good)
    bad.write_bytes(good.read_bytes()[:400])
    expected = read_image(good).to_array()

    def work(number: int) -> bool:
        if number % 3 == 0:
            with pytest.raises(ImageError, match=r"bad\.png: this PNG is truncated or corrupt"):
                read_image(bad)
            return True
        target = tmp_path / f"{number}.tif"
        read_image(good).save(target)
        return np.array_equal(read_image(target).to_array(), expected)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(48)))
