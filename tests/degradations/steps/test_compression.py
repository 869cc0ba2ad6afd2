import numpy as np
import pytest

from kukkiri.degradations import jpeg
from kukkiri.images import quantize


def test_jpeg_equals_another_encoder_and_decoder_within_a_level_or_two(rng):
    pillow = pytest.importorskip("PIL.Image")
    from io import BytesIO

    smooth = rng.uniform(0.2, 0.8, size=(8, 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
    levels = quantize(smooth, 8)
    buffer = BytesIO()
    pillow.fromarray(levels).save(buffer, "JPEG", quality=75, subsampling="4:2:0")
    theirs = np.asarray(pillow.open(buffer), dtype=np.float64) / 255
    mine = jpeg(smooth, 75)
    # both are libjpeg-turbo; the way chroma is upscaled may differ between builds
    assert np.abs(mine - theirs).mean() < 1 / 255
    assert np.abs(mine - smooth).max() > 2 / 255


def test_jpeg_gets_better_with_quality_and_takes_grey_images(rng):
    grey = rng.uniform(size=(24, 31)).astype(np.float32)
    errors = [np.abs(jpeg(grey, quality) - grey).mean() for quality in (5, 50, 100)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1.5 / 255
    assert jpeg(grey[..., None], 50).shape == (24, 31, 1)


def test_chroma_at_full_size_keeps_a_colour_edge_that_half_size_smears():
    image = np.full((16, 16, 3), 0.2)
    image[:, 7:] = (0.9, 0.2, 0.2)  # the edge lies inside a pair of columns that share their chroma
    smeared, kept = (np.abs(jpeg(image, 95, chroma=chroma) - image).mean() for chroma in (420, 444))
    assert kept < smeared / 3
    assert np.array_equal(jpeg(image, 80), jpeg(image, 80, chroma=420))
    assert np.array_equal(jpeg(image, 95), jpeg(image, 95, chroma=444))


def test_impossible_qualities_and_channels_are_refused():
    with pytest.raises(ValueError, match="quality must be 1 to 100, got 0"):
        jpeg(np.zeros((8, 8)), 0)
    with pytest.raises(ValueError, match="1 or 3 channels, got 4"):
        jpeg(np.zeros((8, 8, 4)), 50)
