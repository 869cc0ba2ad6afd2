import numpy as np
import pytest

from kukkiri import pretrained
from kukkiri.errors import ImageError
from kukkiri.evaluation import evaluate
from kukkiri.explain.upsampler import draw_difference, inspect_upsampler
from kukkiri.images import Image, read_image
from kukkiri.metrics.checkerboard import checkerboard, smooth_probe
from tests.tolerances import FLOAT64_MATHS


@pytest.fixture(scope="module")
def model():
    return str(pretrained.locate("espcn-x3", ".onnx"))


@pytest.fixture
def hr(tmp_path):
    folder = tmp_path / "hr"
    folder.mkdir()
    for seed in (0, 1):
        levels = (255 * smooth_probe(72, channels=3, seed=seed) + 0.5).astype(np.uint8)
        Image.from_array(levels).save(folder / f"{seed}.png")
    return folder


def test_the_psnr_is_that_of_the_evaluation(model, hr):
    report = inspect_upsampler(model, data=hr)
    expected = evaluate(model, data=hr, scale=3).sets["hr"].mean.psnr
    assert report.psnr == pytest.approx(expected, abs=FLOAT64_MATHS)
    assert report.to_json()["psnr"] == report.psnr
    assert inspect_upsampler(model).psnr is None


def test_an_image_of_the_user_is_upscaled_and_scored(model, tmp_path):
    levels = (255 * smooth_probe(50)[:, :41] + 0.5).astype(np.uint8)
    Image.from_array(levels).save(tmp_path / "lr.png")
    report = inspect_upsampler(model, image=tmp_path / "lr.png")
    assert report.sr.shape == (150, 123, 1)
    assert report.image == checkerboard(np.clip(report.sr, 0, 1), scale=3)
    Image.from_array(levels[:15]).save(tmp_path / "small.png")
    with pytest.raises(ImageError, match="41x15 is too small"):
        inspect_upsampler(model, image=tmp_path / "small.png")


def test_the_difference_is_amplified_around_grey(model, tmp_path):
    report = inspect_upsampler(model)
    for gain in (1.0, 40.0):
        draw_difference({"before": report, "after": report}, tmp_path / "new" / "d.png", gain=gain)
        drawn = read_image(tmp_path / "new" / "d.png").colour
        height, width = report.sr.shape[:2]
        assert drawn.shape[:2] == (2 * height, 2 * width)
        np.testing.assert_array_equal(drawn[:height], drawn[height:])
        np.testing.assert_allclose(drawn[:height, :width], report.sr.clip(0, 1), atol=0.51 / 255)
        spread = np.ptp(drawn[60:-60, width + 60 : -60])
        assert spread < 0.02 if gain == 1 else spread > 0.05
