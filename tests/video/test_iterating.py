"""Arrays in, upscaled arrays out."""

import numpy as np
import pytest

import kukkiri
from kukkiri.errors import ConfigError, ImageError
from kukkiri.video import iterate

RANDOM = np.random.default_rng(0)


def make_frame(shape, dtype):
    values = RANDOM.random(shape)
    return values.astype(dtype) if np.issubdtype(dtype, np.floating) else (values * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize(
    ("shape", "dtype", "tolerance"),
    [((20, 26, 3), np.uint8, 1), ((20, 26), np.uint16, 2), ((20, 26, 3), np.float32, 1e-5), ((20, 26, 1), np.uint8, 1)],
)
def test_results_are_those_of_images(shape, dtype, tolerance):
    frame = make_frame(shape, dtype)
    changed = frame.copy()
    changed[:4, :4] = 0
    expected = kukkiri.Upscaler("plain-xs", scale=2, threads=1)
    for result, source in zip(iterate([frame, frame, changed], model="plain-xs", scale=2), [frame, frame, changed]):  # noqa: B905
        assert result.dtype == dtype
        assert result.shape == expected(source).shape
        assert np.abs(result.astype(float) - expected(source).astype(float)).max() <= tolerance


def test_a_buffer_may_be_filled_again():
    frames = [make_frame((8, 8, 3), np.uint8) for _ in range(5)]

    def fill():
        buffer = np.empty((8, 8, 3), np.uint8)
        for frame in frames:
            buffer[:] = frame
            yield buffer

    again = list(iterate(fill(), model="nearest", scale=2, workers=2))
    for result, frame in zip(again, frames, strict=True):
        assert np.array_equal(result, frame.repeat(2, 0).repeat(2, 1))


def test_frames_are_read_a_few_ahead_and_closed_with_the_results():
    read, closed = [], []

    def endless():
        try:
            while True:
                read.append(1)
                yield np.zeros((8, 8), np.uint8)
        finally:
            closed.append(1)

    results = iterate(endless(), model="nearest", scale=2, workers=1)
    assert read == []
    next(results)
    assert len(read) <= 4
    results.close()
    assert closed == [1]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((4, 4, 5), np.uint8), "frame 1: has the shape"),
        (np.zeros((4, 4), np.int64), "is of int64"),
        (np.full((4, 4), 255.0), "floats must be in"),
    ],
)
def test_what_is_no_frame_is_refused_at_its_place(frame, message):
    results = iterate([np.zeros((4, 4), np.uint8), frame], model="nearest", scale=2)
    assert next(results).shape == (8, 8)
    with pytest.raises(ImageError, match=message):
        next(results)


def test_options_are_refused_at_once():
    with pytest.raises(ConfigError, match="workers must be at least 1"):
        iterate([], model="nearest", workers=0)
    with pytest.raises(ConfigError, match="has its scale and options already"):
        iterate([], model=kukkiri.Upscaler("nearest", scale=2), scale=2)
