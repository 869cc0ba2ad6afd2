"""Inputs compared with the limits before they are decoded."""

import struct
import zlib

import numpy as np
import pytest

import kukkiri
from kukkiri.errors import ConfigError, ImageError, ModelError
from kukkiri.web.jobs.admission import Admissions, TooLargeError, UpscalerCache
from kukkiri.web.jobs.job import JobOptions
from kukkiri.web.limits import Limits
from kukkiri.web.settings import ServerSettings
from tests.web.jobs.conftest import make_image

TWICE = JobOptions(model="bicubic", scale=2)


def admissions(tmp_path, *, workers=1, **limits):
    return Admissions(ServerSettings(folder=tmp_path, workers=workers, limits=Limits(**limits)))


def bomb(path, *, side):
    """A PNG of 60 bytes whose header promises side x side pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    return path


def test_sizes_and_memory_are_known_from_the_header(tmp_path):
    path = tmp_path / "upload"
    make_image(0).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(path)
    found = admissions(tmp_path).inspect(path, TWICE)
    assert (found.size, found.output_size, found.count) == ((6, 8), (12, 16), 1)
    assert found.bytes == path.stat().st_size
    assert 0 < found.memory < 1e6
    assert found.budget == 4_000_000_000


def test_dials_are_those_of_an_upscaler_and_wrong_ones_are_refused_at_once(tmp_path):
    path = tmp_path / "upload.png"
    make_image(0).save(path)
    refuse = admissions(tmp_path).inspect
    with pytest.raises(ModelError, match=r"^fast: no vivid weights for scale 4 are shipped\. Leave vivid out\.$"):
        refuse(path, JobOptions(preset="fast", scale=4, vivid=0.5))
    with pytest.raises(ModelError, match="bicubic: denoise chooses weights between two shipped ones"):
        refuse(path, JobOptions(model="bicubic", denoise=0.5))
    image = np.tile(np.linspace(0.1, 0.9, 12, dtype=np.float32)[:, None, None], (1, 16, 3))
    upscalers = UpscalerCache(threads=1, workers=1)
    faithful, vivid = (upscalers.get(JobOptions(scale=4, vivid=at), budget=None)(image) for at in (0, 1))
    np.testing.assert_array_equal(faithful, kukkiri.upscale(image, scale=4))
    assert 0.001 < np.abs(vivid - faithful).max() < 0.1


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path):
    path = bomb(tmp_path / "upload", side=20_000)
    with pytest.raises(TooLargeError) as caught:
        admissions(tmp_path).inspect(path, TWICE, name="bomb.png")
    assert str(caught.value) == (
        "bomb.png: it has 20000x20000 pixels, 400.0 megapixels, and the limit is 100 (--max-input-megapixels). Send a "
        "smaller image, or ask for a smaller scale."
    )


def test_the_result_is_bounded_too(tmp_path):
    path = bomb(tmp_path / "upload", side=1000)
    with pytest.raises(TooLargeError, match=r"its result has 4000x4000 pixels, 16\.0 megapixels, and the limit is 10"):
        admissions(tmp_path, max_output_megapixels=10).inspect(path, JobOptions(model="bicubic", scale=4))
    assert admissions(tmp_path, max_output_megapixels=0).inspect(path, TWICE).output_size == (2000, 2000)


def test_work_that_never_fits_into_the_memory_is_refused(tmp_path):
    path = bomb(tmp_path / "upload", side=1000)
    chop = JobOptions(model="espcn", scale=2, format="webp")
    with pytest.raises(TooLargeError, match=r"more memory than this server gives to all jobs together, 50 MB"):
        admissions(tmp_path, max_memory_mb=50).inspect(path, chop)


def test_work_beyond_one_share_may_take_all_of_the_memory(tmp_path):
    path = bomb(tmp_path / "upload", side=1000)
    options = JobOptions(model="bicubic", scale=2, format="webp")
    found = admissions(tmp_path, workers=4, max_memory_mb=600).inspect(path, options)
    assert 150e6 < found.memory <= found.budget == 600_000_000


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "photo.png: is empty"), (b"GIF89a", "photo.png: "), (b"hello " * 9, "photo.png: is not an image")],
)
def test_what_is_no_image_is_refused_under_the_name_of_the_client(tmp_path, content, words):
    path = tmp_path / "0123abcd"
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        admissions(tmp_path).inspect(path, TWICE, name="photo.png")
    assert str(caught.value).startswith(words)
    assert "0123abcd" not in str(caught.value)


def test_an_aspect_that_does_not_fit_is_refused(tmp_path):
    path = bomb(tmp_path / "upload", side=100)
    with pytest.raises(ConfigError, match="200x300 has another aspect than the image of 100x100"):
        admissions(tmp_path).inspect(path, JobOptions(model="bicubic", width=200, height=300))


@pytest.mark.parametrize("form", ["bmp", "bmp over Pillow's own", "pgm", "pfm", "j2k", "tiff"])
def test_every_format_beyond_the_limit_names_the_option(tmp_path, form):
    pil = pytest.importorskip("PIL.Image", reason="needs Pillow")
    path, limit, shown = tmp_path / "upload", 0.001, "40x30 pixels"
    if form.startswith("bmp"):
        side = 40 if form == "bmp" else 20_000
        height, shown = (30, shown) if side == 40 else (side, "400000000 pixels")
        header = struct.pack("<IiiHHIIiiII", 40, side, height, 1, 24, 0, 0, 0, 0, 0, 0)
        path.write_bytes(b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header + bytes(40 * 30 * 3))
    elif form == "pgm":
        path.write_bytes(b"P5 40 30 255\n" + bytes(1200))
    elif form == "pfm":
        path.write_bytes(b"Pf\n40 30\n-1.0\n" + bytes(4800))
    elif form == "tiff":
        pages = [pil.new("1", (40, 30), number % 2) for number in range(3)]
        pages[0].save(path, "TIFF", save_all=True, append_images=pages[1:])
        limit, shown = 0.003, "3 images of 3600 pixels together"
    else:
        pil.new("L", (40, 30)).save(path, "JPEG2000")
    with pytest.raises(TooLargeError) as caught:
        admissions(tmp_path / "state", max_input_megapixels=limit).inspect(path, TWICE, name="large")
    assert str(caught.value).startswith("large: it has ")
    assert shown in str(caught.value)
    assert f"the limit is {limit:g} (--max-input-megapixels)" in str(caught.value)
    assert caught.value.status == 413


@pytest.mark.parametrize(("limit", "fits"), [(0, True), (500, True), (300, False)])
def test_the_limit_may_be_raised_beyond_that_of_the_command_line(tmp_path, limit, fits):
    path = tmp_path / "upload"
    path.write_bytes(b"P5 20000 20000 255\n" + bytes(100))
    refused = pytest.raises(ImageError if fits else TooLargeError, match="truncated|corrupt" if fits else "is 300")
    with refused:
        admissions(tmp_path / "state", max_input_megapixels=limit).inspect(path, TWICE)
