import numpy as np
import pytest

from kukkiri.degradations import Degradation, jpeg
from kukkiri.degradations.photo import draw_saved_photo_steps
from kukkiri.degradations.steps import Blur, Jpeg, Noise, Poisson, Subsample


@pytest.mark.parametrize("scale", [2, 4])
def test_a_saved_photo_is_drawn_in_its_order_and_ranges(scale):
    draws = [draw_saved_photo_steps(np.random.default_rng(seed), scale=scale) for seed in range(1000)]
    order = (Blur, Subsample, Noise | Poisson, Jpeg)
    counts = np.zeros(4)
    for steps in draws:
        places = [next(place for place, kind in enumerate(order) if isinstance(step, kind)) for step in steps]
        assert places == sorted(set(places))
        counts[places] += 1
        for step in steps:
            match step:
                case Blur(_, (sigma, *other)):
                    assert 0 < max(sigma, *other[:1], 0) <= 0.4 * scale
                case Noise(std):
                    assert std <= 10 / 255
                case Poisson(peak):
                    assert peak**-0.5 <= 10 / 255 * (1 + 1e-12)
                case Jpeg(quality, chroma):
                    assert 30 <= quality <= 95
                    assert chroma in (420, 444)
    # chances 0.225, 1, 0.3 and 0.765; four standard deviations of a share in 1000 draws are at most 0.064
    assert np.abs(counts / 1000 - (0.225, 1.0, 0.3, 0.765)).max() < 0.064


def test_a_drawing_repeats_itself_from_its_text(rng):
    hr = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    photo = Degradation.parse("photo")
    generator = np.random.default_rng((5, 2))
    drawn = photo.sample(scale=2, seed=generator)
    again = Degradation.parse(str(drawn)).apply(hr, scale=2, seed=generator)
    assert np.array_equal(again, photo.apply(hr, scale=2, seed=(5, 2)))


def test_random_degradations_say_so():
    assert [Degradation.parse(text).random for text in ("bicubic+jpeg:60", "dn", "photo", "real")] == [
        False,
        *3 * [True],
    ]
    assert [Degradation.parse(text).samples_steps for text in ("dn", "photo", "real")] == [False, True, True]


def test_chroma_at_full_size_keeps_a_colour_edge_that_half_size_smears():
    image = np.full((16, 16, 3), 0.2)
    image[:, 7:] = (0.9, 0.2, 0.2)  # the edge lies inside a pair of columns that share their chroma
    smeared, kept = (np.abs(jpeg(image, 95, chroma=chroma) - image).mean() for chroma in (420, 444))
    assert kept < smeared / 3
    assert np.array_equal(jpeg(image, 80), jpeg(image, 80, chroma=420))
    assert np.array_equal(jpeg(image, 95), jpeg(image, 95, chroma=444))
