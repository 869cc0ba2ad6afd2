import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kukkiri.images import dequantize, quantize

floats = st.floats(-0.5, 1.5, width=32)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_level_survives_the_way_through_floats(dtype):
    levels = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    assert np.array_equal(quantize(dequantize(levels), 8 * levels.itemsize), levels)


@pytest.mark.parametrize("bits", [1, 8, 10, 12, 16])
def test_black_is_zero_and_white_is_one(bits):
    dtype = np.uint8 if bits <= 8 else np.uint16
    assert dequantize(np.array([0, 2**bits - 1], dtype), bits).tolist() == [0.0, 1.0]
    assert quantize(np.array([0.0, 1.0]), bits).tolist() == [0, 2**bits - 1]


def test_levels_are_the_floats_nearest_to_the_quotient():
    levels = np.arange(65536, dtype=np.uint16)
    assert np.array_equal(dequantize(levels), (levels / 65535).astype(np.float32))


def test_halves_are_rounded_away_from_zero():
    halves = (np.arange(255) + 0.5) / 255
    exact = [Fraction(value) * 255 for value in halves.tolist()]
    above = [math.floor(value) + 1 for value in exact]  # the doubles scatter around the half; their product is it
    assert quantize(halves, 8).tolist() == above


@given(value=floats, bits=st.sampled_from([8, 12, 16]))
def test_rounding_goes_to_the_nearest_level_of_the_clamped_product(value, bits):
    product = np.clip(np.float32(value), 0, 1) * np.float32(2**bits - 1)
    expected = math.floor(Fraction(float(product)) + Fraction(1, 2))
    assert quantize(np.array([value], np.float32), bits)[0] == expected


def test_just_below_a_half_is_rounded_down():
    # Plain floor(x + 0.5) gives 1 here, because the addition itself rounds up.
    assert quantize(np.array([np.nextafter(np.float32(0.5), np.float32(0))]), 1)[0] == 0
    assert quantize(np.array([0.5], np.float32), 1)[0] == 1


def test_outside_values_are_clamped():
    assert quantize(np.array([-3.0, 1.0001, np.inf, -np.inf]), 8).tolist() == [0, 255, 255, 0]


def test_nan_is_no_level():
    with pytest.raises(ValueError, match="NaN"):
        quantize(np.array([0.5, np.nan]), 8)


def test_input_is_left_alone():
    values = np.array([0.25, 2.0], np.float32)
    quantize(values, 8)
    assert values.tolist() == [0.25, 2.0]


def test_seventeen_bits_are_refused():
    with pytest.raises(ValueError, match="1 to 16, got 17"):
        quantize(np.zeros(1), 17)
