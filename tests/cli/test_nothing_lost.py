"""The promise of the README, end to end: one image with everything that other tools lose."""

import io

import numpy as np
import pytest
from PIL import Image

from kukkiri.cli import run
from kukkiri.images import read_image
from tests.images.conftest import encode

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:PIL")
MODELS = ["fsrcnn-x2", "espcn-x2", "bicubic"]


@pytest.fixture
def everything(tmp_path):
    """A 16-bit RGBA PNG, 21 wide and 30 high when it is turned, with a P3 profile and EXIF orientation 6."""
    import pyvips

    rows, columns = np.mgrid[:21, :30]
    colour = np.stack([rows * 3000, columns * 2000, 40_000 + rows * 17], axis=2)
    alpha = np.where(columns < 10, 0, np.where(columns > 19, 65_535, 30_000))
    pixels = np.concatenate([colour, alpha[..., None]], axis=2).astype(np.uint16)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Acme"
    profile = bytes(pyvips.Image.profile_load("p3"))
    block = exif.tobytes()
    data = encode(pixels, "png", interpretation="rgb16", exif_data=block, icc_profile_data=profile)
    path = tmp_path / "everything.png"
    path.write_bytes(data)
    return path, pixels, profile


@pytest.mark.parametrize("model", MODELS)
def test_sixteen_bit_alpha_profile_and_orientation_are_all_kept(everything, model):
    path, pixels, profile = everything
    target = path.with_name("large.png")
    assert run(["upscale", str(path), "-o", str(target), "--model", model, "--scale", "2"]) == 0

    large = read_image(target)
    assert large.depth == 16
    assert large.size == (60, 42)  # turned, then doubled
    assert large.metadata.icc == profile
    tags = Image.open(io.BytesIO(target.read_bytes())).getexif()
    assert tags[0x0112] == 1
    assert tags[0x010F] == "Acme"

    turned = np.rot90(pixels, -1).astype(np.float32) / 65_535
    assert large.alpha is not None
    values = large.to_array()
    assert np.any(values[..., :3] % 257 != 0)  # levels that 8 bit does not have
    rows = np.flatnonzero((turned[..., 3] == 0).all(axis=1))
    assert np.all(large.alpha[2 * rows.min() + 4 : 2 * rows.max() - 2] == 0)
    rows = np.flatnonzero((turned[..., 3] == 1).all(axis=1))
    assert np.all(large.alpha[2 * rows.min() + 4 : 2 * rows.max() - 2] == 1)
    inner = (slice(8, -8), slice(8, -8))
    shown = large.alpha[inner] > 0
    expected = np.kron(turned[..., :3], np.ones((2, 2, 1)))[inner]
    assert np.abs(large.colour[inner] - expected)[shown].max() < 0.1  # smooth ramps, upscaled


def test_a_format_that_cannot_hold_it_says_what_it_drops(everything, capsys):
    path, _, _ = everything
    target = path.with_suffix(".jpg")
    assert run(["upscale", str(path), "-o", str(target), "--model", "bicubic", "--scale", "2"]) == 0
    notes = capsys.readouterr().err
    assert "16" in notes
    assert "alpha" in notes or "transparen" in notes
