import numpy as np
import pytest

from kukkiri import engine_loaders
from kukkiri.errors import ModelError
from kukkiri.evaluation.cache import metric_key
from kukkiri.metrics import METRICS, PROTOCOLS, Sample, dists, lpips

FILES = {"lpips": "alexnet.pth", "dists": "vgg16.pth"}


@pytest.fixture
def compared(monkeypatch):
    """Let a distance be the mean absolute difference, and keep what was compared."""
    seen = []

    def compute(name, hr, sr, weights):
        seen.append((name, hr, sr, weights))
        return float(np.abs(hr - sr).mean())

    monkeypatch.setattr(engine_loaders, "_DISTANCES", [compute])
    return seen


@pytest.mark.parametrize(("name", "function"), [("lpips", lpips), ("dists", dists)])
def test_rgb_without_the_border_is_compared_by_the_users_file(name, function, compared, tmp_path, monkeypatch):
    (tmp_path / FILES[name]).touch()
    monkeypatch.setenv("KUKKIRI_FEATURES", str(tmp_path))
    hr = np.zeros((40, 44, 3), np.uint8)
    hr[:4], hr[-4:], hr[:, :4], hr[:, -4:] = 255, 255, 255, 255
    assert function(hr, hr * 0 + np.uint8(51), border=4) == pytest.approx(0.2, abs=1e-7)
    sample = Sample(hr, hr[::4, ::4], hr * 0 + np.uint8(102), PROTOCOLS["y-matlab"], 4)
    assert METRICS[name].value(sample) == pytest.approx(0.4, abs=1e-7)  # not of luma
    for given, reference, estimate, weights in compared:
        assert (given, reference.shape, estimate.dtype) == (name, (32, 36, 3), np.float32)
        assert weights == tmp_path / FILES[name]


@pytest.mark.usefixtures("compared")
@pytest.mark.parametrize("name", ["lpips", "dists"])
def test_the_working_directory_is_searched_and_a_missing_file_is_named(name, tmp_path, monkeypatch):
    monkeypatch.delenv("KUKKIRI_FEATURES", raising=False)
    monkeypatch.chdir(tmp_path)
    image = np.zeros((40, 40, 3), np.uint8)
    sample = Sample(image, image[::4, ::4], image, PROTOCOLS["y-matlab"], 4)
    with pytest.raises(ModelError, match=rf"{FILES[name]}: no such file. {name.upper()} needs .* KUKKIRI_FEATURES"):
        METRICS[name].value(sample)
    (tmp_path / FILES[name]).touch()
    assert METRICS[name].value(sample) == 0


def test_small_images_have_no_value_and_no_score_is_kept():
    image = np.zeros((38, 60, 3), np.uint8)
    sample = Sample(image, image[::4, ::4], image, PROTOCOLS["y-matlab"], 4)
    for name in FILES:
        assert METRICS[name].value(sample) is None
        assert metric_key(name) is None  # the file may be another one the next time
