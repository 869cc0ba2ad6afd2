import numpy as np
import pytest

from kukkiri.data import PairSet, PatchSampler, dihedral, find_pictures, read_rgb8
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Picture, rgb_to_y
from kukkiri.resampling import resize


@pytest.fixture
def folder(tmp_path, rng):
    for name, shape in {"a": (50, 61, 3), "b": (47, 40), "c": (40, 40, 4)}.items():
        Picture.from_array(rng.integers(0, 256, shape, dtype=np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_hr_is_cut_to_the_scale_and_lr_is_matlabs_bicubic(folder):
    pairs = PairSet.from_folder(folder, scale=3, colour="rgb")
    assert [pair.name for pair in pairs] == ["a", "b", "c"]
    hr = read_rgb8(folder / "a.png")[:48, :60]
    assert np.array_equal(np.rint(pairs[0].hr * 255), hr)
    assert np.array_equal(np.rint(pairs[0].lr * 255), resize(hr, scale=1 / 3))
    assert pairs[1].hr.shape == (45, 39, 3)  # grey becomes RGB


def test_luma_is_made_after_the_degradation_of_rgb(folder):
    pairs = PairSet.from_folder(folder, scale=2, colour="y", limit=1)
    lr = resize(read_rgb8(folder / "a.png")[:50, :60], scale=0.5)
    assert pairs[0].lr.shape == (25, 30, 1)
    assert np.abs(pairs[0].lr[..., 0] - rgb_to_y(lr.astype(np.float64) / 255)).max() < 1e-6  # float32


def test_a_cache_gives_the_same_pairs_and_is_really_read(folder, tmp_path):
    cache = tmp_path / "cache"
    first = PairSet.from_folder(folder, scale=2, colour="rgb", degradation="bicubic+noise:0.05", cache=cache)
    again = PairSet.from_folder(folder, scale=2, colour="rgb", degradation="bicubic+noise:0.05", cache=cache)
    assert all(np.array_equal(one.lr, two.lr) for one, two in zip(first, again, strict=True))
    files = sorted(cache.glob("*.npy"))
    assert len(files) == 3
    np.save(files[0], np.zeros_like(np.load(files[0])))
    changed = PairSet.from_folder(folder, scale=2, colour="rgb", degradation="bicubic+noise:0.05", cache=cache)
    assert any(not one.lr.any() for one in changed)


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
    assert not PatchSampler(pairs, patch=8, batch=5, seed=3, rank=1).at(7)[0].equal(lr)


def test_both_sides_of_a_patch_are_the_same_place_turned_the_same_way(folder):
    pairs = PairSet.from_folder(folder, scale=1, colour="rgb")  # at scale 1 they are one picture
    lr, hr = PatchSampler(pairs, patch=9, batch=32, seed=0).at(0)
    assert lr.equal(hr)


def test_the_eight_variants_differ_and_are_flips_and_turns():
    picture = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    square = np.arange(9, dtype=np.float32).reshape(3, 3, 1)
    assert dihedral(picture, 4).shape == (3, 2, 1)
    assert len({dihedral(square, variant).tobytes() for variant in range(8)}) == 8
    assert np.array_equal(dihedral(square, 1 | 4)[..., 0], np.rot90(square[..., 0], -1))


def test_what_cannot_be_used_is_named(folder, tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        find_pictures(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no pictures here"):
        find_pictures(tmp_path / "empty")
    with pytest.raises(ConfigError, match="smaller than a patch of 64"):
        PatchSampler(PairSet.from_folder(folder, scale=2, colour="y"), patch=64, batch=1)
    with pytest.raises(ImageError, match="smaller than scale 99"):
        PairSet.from_folder(folder, scale=99, colour="y")
