import numpy as np
import pytest

from kukkiri.degradations import Degradation
from kukkiri.degradations.steps.blurs import GaussianSigmaBlur
from kukkiri.degradations.steps.compression import Jpeg
from kukkiri.degradations.steps.noise import Noise, Poisson
from kukkiri.degradations.steps.photo import Photo
from kukkiri.degradations.steps.subsampling import Imresize


@pytest.mark.parametrize("scale", [2, 4])
def test_a_photo_is_sampled_in_its_order_and_ranges(scale):
    samples = [Photo().sample(np.random.default_rng(seed), scale=scale) for seed in range(1000)]
    order = (GaussianSigmaBlur, Imresize, Noise | Poisson, Jpeg)
    counts = np.zeros(4)
    for steps in samples:
        places = [next(place for place, kind in enumerate(order) if isinstance(step, kind)) for step in steps]
        assert places == sorted(set(places))
        counts[places] += 1
        for step in steps:
            match step:
                case GaussianSigmaBlur(sigma, second):
                    assert 0 < max(sigma, second or 0) <= 0.4 * scale
                case Noise(std):
                    assert std <= 10 / 255
                case Poisson(peak):
                    assert peak**-0.5 <= 10 / 255 * (1 + 1e-12)
                case Jpeg(quality, chroma):
                    assert 30 <= quality <= 95
                    assert chroma in (420, 444)
    # chances 0.225, 1, 0.3 and 0.765; four standard deviations of a share in 1000 samples are at most 0.064
    assert np.abs(counts / 1000 - (0.225, 1.0, 0.3, 0.765)).max() < 0.064


def test_a_sampled_photo_repeats_itself_from_its_text(rng):
    hr = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    photo = Degradation.parse("photo")
    generator = np.random.default_rng((5, 2))
    sampled = photo.sample(scale=2, seed=generator)
    again = Degradation.parse(str(sampled)).apply(hr, scale=2, seed=generator)
    assert np.array_equal(again, photo.apply(hr, scale=2, seed=(5, 2)))


def test_random_degradations_say_so():
    assert [Degradation.parse(text).random for text in ("bicubic+jpeg:60", "dn", "photo", "real")] == [
        False,
        *3 * [True],
    ]
    assert [Degradation.parse(text).samples_steps for text in ("dn", "photo", "real")] == [False, True, True]
