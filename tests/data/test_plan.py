import logging

import numpy as np
import pytest

from kukkiri.data import PairSet, Share, leave_out_small
from kukkiri.data.plan import PatchPlanner
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from tests.data.made_pairs import SIZES, make_pairs


def count(pairs: PairSet, *, patch: int) -> np.ndarray:
    """Count the patches of each pair in a batch of 40,000."""
    planner = PatchPlanner(pairs, patch=patch, batch=40_000, seed=5, rank=0, world=1)
    return np.bincount(planner.at(0).pair, minlength=len(pairs))


def is_share(counted: np.ndarray, expected: list[float]) -> bool:
    """True when the counts are within five standard deviations of the expected shares."""
    shares, total = np.array(expected), counted.sum()
    return bool((np.abs(counted - total * shares) <= 5 * np.sqrt(total * shares * (1 - shares))).all())


def test_without_weights_every_lr_position_of_the_union_is_equally_likely():
    areas = np.array([height * width for height, width in SIZES.values()])
    assert is_share(count(make_pairs(), patch=8), list(areas / areas.sum()))


def test_with_weights_each_source_has_its_share_and_within_it_the_area_counts():
    shares = (Share("first", 2, 3.0), Share("second", 1, 1.0))
    large, wide = (SIZES[name][0] * SIZES[name][1] for name in "ab")
    expected = [0.75 * large / (large + wide), 0.75 * wide / (large + wide), 0.25]
    assert is_share(count(make_pairs(shares=shares), patch=8), expected)
    # b is 16 pixels high: the rest of its source takes its patches, so that the share holds
    assert is_share(count(make_pairs(shares=shares), patch=20), [0.75, 0.0, 0.25])


def test_a_weight_that_cannot_be_kept_is_refused():
    shares = (Share("photographs", 1, 1.0), Share("scans", 2, 1.0))
    with pytest.raises(ConfigError, match=r"^scans: no image of this source is as large as a patch"):
        PatchPlanner(make_pairs(shares=shares), patch=30, batch=1, seed=0, rank=0, world=1)


def test_small_images_are_left_out_with_one_line_for_each_size_of_patch(caplog):
    with caplog.at_level(logging.WARNING):
        planner = PatchPlanner(make_pairs(), patch=20, batch=50, seed=0, rank=0, world=1)
        for step in range(3):
            assert set(planner.at(step).pair) == {0, 2}
        assert set(planner.at(3, patch=31).pair) == {0}
    assert caplog.messages == [
        "1 image is smaller than a patch of 20 LR pixels and is left out: b",
        "2 images are smaller than a patch of 31 LR pixels and are left out: b, c",
    ]


def test_only_the_first_process_logs_what_is_left_out(caplog):
    PatchPlanner(make_pairs(), patch=20, batch=5, seed=0, rank=1, world=2)
    assert not caplog.messages


def test_three_small_images_are_named_and_variants_count_once(caplog):
    names = ["tiny", "tiny", "small", "large", "narrow", "low"]
    sizes = [(9, 9), (9, 9), (10, 99), (20, 20), (99, 10), (1, 1)]
    assert leave_out_small(sizes, names, side=20, unit="HR").tolist() == [3]
    assert caplog.messages == [
        "4 images are smaller than a patch of 20 HR pixels and are left out: tiny, small, narrow, ..."
    ]


def test_it_is_an_error_when_no_image_is_left():
    message = (
        "all 2 images are smaller than a patch of 30 HR pixels; the shorter side of the largest has 29. "
        "Choose a smaller patch, or larger images."
    )
    with pytest.raises(ConfigError) as caught:
        leave_out_small([(29, 40), (28, 50)], ["a", "b"], side=30, unit="HR")
    assert str(caught.value) == message


def test_the_folder_with_a_tiny_image_trains_on_the_others(tmp_path, rng, caplog):
    for name, side in {"0": 96, "1": 96, "tiny": 20}.items():
        Image.from_array(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    pairs = PairSet.from_folder(tmp_path, scale=2, colour="y")
    planner = PatchPlanner(pairs, patch=16, batch=64, seed=0, rank=0, world=1)
    assert caplog.messages == ["1 image is smaller than a patch of 16 LR pixels and is left out: tiny"]
    assert set(planner.at(0).pair) == {0, 1}
