import numpy as np
import pytest

from kukkiri.data import Pair, PairSet, PatchSampler, dihedral, read_rgb8
from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, ImageError
from kukkiri.files import require_images
from kukkiri.images import Image, rgb_to_y
from kukkiri.resampling import resize
from tests.tolerances import FLOAT32_SAME_MATHS


@pytest.fixture
def folder(tmp_path, rng):
    for name, shape in {"a": (50, 61, 3), "b": (47, 40), "c": (40, 40, 4)}.items():
        Image.from_array(rng.integers(0, 256, shape, dtype=np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def test_hr_is_cropped_to_the_scale_and_lr_is_matlabs_bicubic(folder):
    pairs = PairSet.from_folder(folder, scale=3, colour="rgb")
    assert [pair.name for pair in pairs] == ["a", "b", "c"]
    hr = read_rgb8(folder / "a.png")[:48, :60]
    assert np.array_equal(pairs[0].hr, hr)
    assert np.array_equal(pairs[0].lr, resize(hr, scale=1 / 3))
    assert pairs[1].hr.shape == (45, 39, 3)  # grey becomes RGB


def test_luma_is_made_after_the_degradation_of_rgb(folder):
    pairs = PairSet.from_folder(folder, scale=1, colour="y", degradation="bicubic+8bit+jpeg:40", limit=1)
    lr, hr = PatchSampler(pairs, patch=50, batch=1).at(0)
    assert lr.shape == hr.shape == (1, 1, 50, 50)
    lefts = [rgb_to_y(pairs[0].lr[:, left : left + 50].astype(np.float64) / 255) for left in range(12)]
    transformed = [dihedral(luma[..., None], variant)[..., 0] for luma in lefts for variant in range(8)]
    assert min(np.abs(luma - lr[0, 0].numpy()).max() for luma in transformed) < FLOAT32_SAME_MATHS


def test_every_variant_of_an_image_is_another_sample_and_shares_its_hr(folder):
    pairs = PairSet.from_folder(folder, scale=2, colour="rgb", degradation="photo", variants=3)
    assert [pair.name for pair in pairs] == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert np.shares_memory(pairs[0].hr, pairs[2].hr)
    assert len({pair.lr.tobytes() for pair in pairs}) == 9
    expected = Degradation.parse("photo").apply(pairs[4].hr, scale=2, seed=(1, 1))
    assert np.array_equal(pairs[4].lr, expected)


def test_variants_of_a_degradation_that_is_not_random_are_refused(folder):
    with pytest.raises(ConfigError, match="samples nothing at random"):
        PairSet.from_folder(folder, scale=2, colour="rgb", variants=2)


def test_a_cache_gives_the_same_pairs_and_is_really_read(folder, tmp_path):
    options = {"scale": 2, "colour": "rgb", "degradation": "photo", "variants": 2}
    plain = PairSet.from_folder(folder, **options)
    cache = tmp_path / "cache"
    for _ in range(2):
        cached = PairSet.from_folder(folder, **options, cache=cache)
        for expected, pair in zip(plain, cached, strict=True):
            assert pair.name == expected.name
            assert np.array_equal(pair.lr, expected.lr)
            assert np.array_equal(pair.hr, expected.hr)
    assert not cached[0].lr.flags.writeable
    (file,) = cache.glob("*/lr-*.bin")
    file.write_bytes(bytes(file.stat().st_size))
    assert not any(pair.lr.any() for pair in PairSet.from_folder(folder, **options, cache=cache))
    Image.from_array(np.zeros((40, 40), dtype=np.uint8)).save(folder / "a.png", overwrite=True)
    assert PairSet.from_folder(folder, **options, cache=cache)[0].hr.shape == (40, 40, 3)  # other content, other key


def test_patches_are_a_function_of_seed_rank_and_step(folder):
    pairs = PairSet.from_folder(folder, scale=2, colour="y")
    sampler = PatchSampler(pairs, patch=8, batch=5, seed=3)
    lr, hr = sampler.at(7)
    assert lr.shape == (5, 1, 8, 8)
    assert hr.shape == (5, 1, 16, 16)
    same, _ = PatchSampler(pairs, patch=8, batch=5, seed=3).at(7)
    assert same.equal(lr)
    for other in (sampler.at(8), PatchSampler(pairs, patch=8, batch=5, seed=4).at(7)):
        assert not other[0].equal(lr)
    assert PatchSampler(pairs, patch=8, batch=5, seed=3, rank=1, world=2).at(7)[0].equal(lr[1::2])


def test_folders_and_images_that_cannot_be_used_are_named(folder, tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        require_images(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no images here"):
        require_images(tmp_path / "empty")
    with pytest.raises(ConfigError, match="smaller than a patch of 64"):
        PatchSampler(PairSet.from_folder(folder, scale=2, colour="y"), patch=64, batch=1)
    with pytest.raises(ImageError, match="smaller than scale 99"):
        PairSet.from_folder(folder, scale=99, colour="y")


def test_the_fingerprint_is_that_of_the_content(folder, tmp_path):
    options = {"scale": 2, "colour": "rgb"}
    pairs = PairSet.from_folder(folder, **options)
    print_of = pairs.fingerprint()
    assert len(print_of) == 16
    assert PairSet.from_folder(folder, **options, cache=tmp_path / "cache").fingerprint() == print_of  # mapped
    others = [
        PairSet.from_folder(folder, scale=3, colour="rgb"),
        PairSet.from_folder(folder, scale=2, colour="y"),
        PairSet.from_folder(folder, **options, degradation="bicubic+noise:0.02"),
        PairSet.from_folder(folder, **options, limit=2),
        PairSet(pairs.pairs[::-1], **options),
    ]
    assert len({print_of, *(other.fingerprint() for other in others)}) == 6
    (folder / "a.png").rename(folder / "aa.png")
    assert PairSet.from_folder(folder, **options).fingerprint() != print_of


def test_the_fingerprint_reads_little_of_a_large_image():
    large = np.zeros((1600, 2000, 3), dtype=np.uint8)
    pairs = PairSet((Pair("large", large, large),), scale=1, colour="rgb")
    before = pairs.fingerprint()
    large[100, 125] = 1  # row 1 and column 1 of the 16 x 16 that are read
    assert pairs.fingerprint() != before
    large[100, 125] = 0
    large[101, 125] = 1
    assert pairs.fingerprint() == before
