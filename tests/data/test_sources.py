import numpy as np
import pytest

from kukkiri.data import DataSource, LRSet, PairSet, PatchSampler, Share, prepare
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.resampling import resize


@pytest.fixture
def folders(tmp_path, rng):
    """Two folders of HR images, and the LR images of the second in a third."""
    for folder in ("one", "two", "two-lr"):
        (tmp_path / folder).mkdir()
    for name, folder, shape in (("a", "one", (50, 61, 3)), ("b", "one", (40, 40, 3)), ("c", "two", (60, 48, 3))):
        hr = rng.integers(0, 256, shape, dtype=np.uint8)
        Image.from_array(hr).save(tmp_path / folder / f"{name}.png")
        if folder == "two":
            Image.from_array(resize(hr, scale=1 / 2)).save(tmp_path / "two-lr" / f"{name}x2.png")
    return tmp_path


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "needs folder, or lr and hr; got neither"),
        ({"lr": "a"}, "got only lr"),
        ({"hr": "a"}, "got only hr"),
        ({"folder": "a", "lr": "b", "hr": "c"}, "a: a source has either folder, or lr and hr, not both"),
        ({"folder": "a", "weight": -1.0}, "weight must be a number from 0, got -1.0"),
        ({"folder": "a", "weight": float("nan")}, "weight must be a number from 0, got nan"),
        ({"folder": "a", "variants": -1}, "variants must be at least 1, or 0 for the recipe's, got -1"),
        ({"folder": "a", "degradation": "bicubik"}, "did you mean 'bicubic'"),
        ({"lr": "b", "hr": "c", "variants": 2}, "b with c: LR is read, not made"),
        ({"lr": "b", "hr": "c", "degradation": "bicubic"}, "b with c: LR is read, not made"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        DataSource(**values)


def test_one_plain_folder_is_the_set_of_that_folder(folders):
    plain = PairSet.from_folder(folders / "one", scale=2, colour="rgb", degradation="photo", variants=2)
    sources = [DataSource(folder=str(folders / "one"))]
    pairs = PairSet.from_sources(sources, scale=2, colour="rgb", degradation="photo", variants=2)
    assert pairs.fingerprint() == plain.fingerprint()
    for tensor, expected in zip(
        PatchSampler(pairs, patch=8, batch=9).at(3), PatchSampler(plain, patch=8, batch=9).at(3), strict=True
    ):
        assert tensor.equal(expected)


def test_sources_follow_one_another_each_with_its_own_degradation(folders):
    prepare(folders / "one", folders / "made", lr_sets=[LRSet(2, "photo", 3)])
    sources = [
        DataSource(folder=str(folders / "one"), weight=2),
        DataSource(lr=str(folders / "two-lr"), hr=str(folders / "two"), weight=1),
        DataSource(folder=str(folders / "made"), degradation="photo", variants=3, weight=0.5),
    ]
    for cache in (None, folders / "cache"):
        pairs = PairSet.from_sources(sources, scale=2, colour="y", cache=cache)
        assert [pair.name for pair in pairs] == ["a", "b", "c", "a", "a", "a", "b", "b", "b"]
        assert pairs.shares == (
            Share(str(folders / "one"), 2, 2),
            Share(f"{folders / 'two-lr'} with {folders / 'two'}", 1, 1),
            Share(str(folders / "made"), 6, 0.5),
        )
        assert np.array_equal(pairs[0].lr, resize(pairs[0].hr, scale=1 / 2))
        assert np.array_equal(pairs[2].lr, resize(pairs[2].hr, scale=1 / 2))
        photo = PairSet.from_folder(folders / "one", scale=2, colour="y", degradation="photo", variants=3)
        assert [pair.lr.tobytes() for pair in pairs[3:]] == [pair.lr.tobytes() for pair in photo]


def test_weights_for_some_sources_only_are_refused(folders):
    sources = [DataSource(folder=str(folders / "one"), weight=1), DataSource(folder=str(folders / "two"))]
    with pytest.raises(ConfigError, match=r"two: has no weight, but other sources have one\. Give each of the 2"):
        PairSet.from_sources(sources, scale=2, colour="y")
    with pytest.raises(ConfigError, match="no source of training images"):
        PairSet.from_sources([], scale=2, colour="y")
