"""The exported site in Debian's Chromium: equal to Python, no request leaves its origin, works without a connection."""

import numpy as np
import pytest

from kukkiri import Upscaler
from kukkiri.images import read_image
from kukkiri.web.export import export_site
from tests.web.browser.chromium import open_page, require_chromium, serve_folder
from tests.web.browser.images import write_images

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    require_chromium()
    folder = tmp_path_factory.mktemp("browser")
    export_site(folder / "host" / "below" / "site")
    with (
        serve_folder(folder / "host") as address,
        open_page(f"{address}/below/site/", folder / "profile") as visit,
    ):
        yield visit


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"))


def compare(visit, path, folder, *, media_type="image/png", preset="fast", scale=2, **options):
    """(largest difference in levels of 255, share of different samples, the browser's result)."""
    result = visit.upscale(path, media_type=media_type, preset=preset, scale=scale, **options)
    assert "error" not in result, result
    (folder / "browser.png").write_bytes(result["data"])
    expected = Upscaler(preset, scale=scale)(path)
    expected.save(folder / "python.png", overwrite=True)
    found, wanted = (read_image(folder / name) for name in ("browser.png", "python.png"))
    assert (found.size, found.colour.shape, found.depth) == (wanted.size, wanted.colour.shape, wanted.depth)
    assert (found.alpha is None) == (wanted.alpha is None)
    planes = [(found.colour, wanted.colour)] + ([] if found.alpha is None else [(found.alpha, wanted.alpha)])
    differences = np.concatenate([np.abs(a - b).ravel() for a, b in planes]) * 255
    return differences.max(), np.count_nonzero(differences > 1e-3) / differences.size, result


@pytest.mark.parametrize(
    ("name", "preset", "scale"),
    [
        ("odd", "fast", 2),
        pytest.param("odd", "balanced", 2.5, marks=pytest.mark.nightly),
        ("alpha", "fast", 3),
        pytest.param("grey", "balanced", 4, marks=pytest.mark.nightly),
        ("palette", "fast", 2),
        ("page", "balanced", 2),  # both take the weights for line art
        pytest.param("tiled", "fast", 2, marks=pytest.mark.nightly),
        pytest.param("turned", "best", 2, marks=pytest.mark.nightly),
    ],
)
def test_the_browser_gives_what_python_gives(visit, images, tmp_path, name, preset, scale):
    largest, share, result = compare(visit, images[name], tmp_path, preset=preset, scale=scale)
    print(f"{name} {preset} x{scale}: {largest:.2f} levels, {share:.1e} of the samples, {result['seconds']:.2f} s")
    assert largest < 1.01
    assert share < 1e-4
    assert result["progress"][-1][1] == result["progress"][-1][2] > 0


def test_sixteen_bits_stay_sixteen(visit, images, tmp_path):
    largest, _, result = compare(visit, images["sixteen"], tmp_path)
    assert largest < 0.005  # rounding of float32 is a part of a level of 16 bits
    assert result["kept"]["depth"] == 16


def test_a_photograph_is_treated_as_one_and_keeps_profile_and_exif(visit, images, tmp_path):
    largest, share, result = compare(visit, images["photo"], tmp_path, media_type="image/jpeg", format="png")
    print(f"photo: {largest:.2f} levels, {share:.1e} of the samples")
    assert largest < 2.01  # two JPEG decoders
    assert result["kept"] == {"profile": True, "exif": True, "depth": 8, "alpha": None}
    same = visit.upscale(images["photo"], media_type="image/jpeg")
    assert (same["type"], same["name"]) == ("image/jpeg", "photo_x2.jpg")
    (tmp_path / "same.jpg").write_bytes(same["data"])
    read = read_image(tmp_path / "same.jpg")
    assert read.size == (2 * 88, 2 * 72)  # upright
    assert read.metadata.icc == read_image(images["photo"]).metadata.icc
    assert b"a camera" in (read.metadata.exif or b"")


def test_profile_and_exif_of_a_png_are_kept(visit, images, tmp_path):
    result = visit.upscale(images["turned"], format="webp")
    (tmp_path / "turned.webp").write_bytes(result["data"])
    read = read_image(tmp_path / "turned.webp")
    assert result["kept"] == {"profile": True, "exif": True, "depth": 8, "alpha": None}
    assert read.size == (2 * 58, 2 * 33)
    assert read.metadata.icc == read_image(images["turned"]).metadata.icc
    assert b"a camera" in (read.metadata.exif or b"")


def test_cancel_ends_the_work_and_the_next_image_is_done(visit, images):
    cancelled = visit.upscale(images["tiled"], preset="best", cancel_after=1)
    assert cancelled["error"]["name"] == "AbortError"
    assert "error" not in visit.upscale(images["odd"])


def test_mistakes_are_said_in_words(visit, images, tmp_path):
    (tmp_path / "text.png").write_bytes(b"hello")
    error = visit.upscale(tmp_path / "text.png")["error"]
    assert error["what"] == "the image cannot be read"
    (tmp_path / "cut.png").write_bytes(images["odd"].read_bytes()[:900])
    assert "damaged" in visit.upscale(tmp_path / "cut.png")["error"]["got"]
    error = visit.upscale(images["odd"], scale=200)["error"]
    assert error["expected"] == "at most 67.1 megapixels"


def test_no_request_leaves_the_origin_and_nothing_is_reported(visit):
    assert len(visit.requests) > 20
    assert [url for url in visit.requests if not url.startswith((visit.address, "blob:", "data:"))] == []
    assert visit.console == []


def test_the_site_works_without_a_connection(visit, images, tmp_path):
    visit.page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    visit.page.wait_for_function("navigator.serviceWorker.controller !== null")
    visit.page.context.set_offline(True)
    try:
        visit.page.reload()
        assert visit.page.evaluate("self.crossOriginIsolated") is True  # by the worker's headers: threads
        largest, share, _ = compare(visit, images["alpha"], tmp_path, preset="balanced", scale=2)
        assert (largest < 1.01, share < 1e-4) == (True, True)
    finally:
        visit.page.context.set_offline(False)
