import numpy as np
import pytest

from kukkiri.video.layouts import PlaneLayout
from kukkiri.video.matrices import ColourMatrix, guess_matrix

RED = np.array([1, 0, 0], dtype=np.float32).reshape(3, 1, 1)


@pytest.mark.parametrize(("matrix", "red"), [("601", (81, 90, 240)), ("709", (63, 102, 240)), ("2020", (74, 97, 240))])
def test_red_has_the_levels_of_the_standards(matrix, red):
    samples = ColourMatrix(PlaneLayout("yuv", matrix=matrix)).from_rgb(RED)
    assert tuple(np.floor(samples.ravel() + 0.5)) == red


def test_ten_bits_are_four_times_the_levels_and_full_range_is_that_of_jpeg():
    np.testing.assert_allclose(
        ColourMatrix(PlaneLayout("yuv", depth=10)).from_rgb(RED),
        4 * ColourMatrix(PlaneLayout("yuv")).from_rgb(RED),
        atol=1e-3,
    )
    full = ColourMatrix(PlaneLayout("yuv", full_range=True)).from_rgb(RED).ravel()
    np.testing.assert_allclose(full, [76.245, 84.97, 255.5], atol=0.01)  # JFIF 1.02: 0.299, -0.1687 and 0.5 of 255


@pytest.mark.parametrize("matrix", ["601", "709", "2020"])
def test_samples_outside_the_range_come_back(matrix):
    planes = np.random.default_rng(0).integers(0, 256, (3, 5, 7)).astype(np.float32)
    converter = ColourMatrix(PlaneLayout("yuv", matrix=matrix))
    np.testing.assert_allclose(converter.from_rgb(converter.to_rgb(*planes)), planes, atol=1e-3)


@pytest.mark.parametrize("matrix", ["601", "709"])
def test_ffmpeg_converts_alike(matrix):
    av = pytest.importorskip("av")
    rgb = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
    theirs = frame.reformat(format="yuv444p", dst_colorspace={"601": "ITU601", "709": "ITU709"}[matrix]).to_ndarray()
    ours = ColourMatrix(PlaneLayout("yuv", matrix=matrix)).from_rgb(rgb.transpose(2, 0, 1).astype(np.float32) / 255)
    assert np.abs(theirs - ours).max() < 1.5  # swscale computes in integers


@pytest.mark.parametrize(
    ("tag", "size", "matrix", "guessed"),
    [
        (1, (360, 640), "709", False),
        (6, (1080, 1920), "601", False),
        (9, (480, 640), "2020", False),
        (2, (576, 720), "601", True),
        (2, (720, 1280), "709", True),
        (2, (1080, 1920), "709", True),
    ],
)
def test_the_matrix_is_the_tag_or_what_players_guess(tag, size, matrix, guessed):
    found, note = guess_matrix(tag, size)
    assert found == matrix
    assert (note is not None) == guessed
