import numpy as np
import pytest

from kukkiri.errors import ConfigError, ImageError
from kukkiri.evaluation import find_sets, pair_lr
from kukkiri.images import Image

LEVELS = np.arange(30 * 45 * 3, dtype=np.uint32).reshape(30, 45, 3).astype(np.uint8)


def write(path, levels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.from_array(np.ascontiguousarray(levels)).save(path)


@pytest.fixture
def hr(tmp_path):
    for name in ("baby", "ppt3"):
        write(tmp_path / "Set" / f"{name}.png", LEVELS)
    (one,) = find_sets(tmp_path / "Set")
    return one


@pytest.mark.parametrize("place", ["", "Set", "x2", "X2", "Set/x2", "Set/X2"])
@pytest.mark.parametrize("name", ["{}", "{}x2", "{}_x2", "{}_SRF_2_LR", "{}_LRBI_x2", "{}_LR"])
def test_an_lr_image_is_found_where_data_sets_put_it(hr, tmp_path, place, name):
    for stem in ("baby", "ppt3"):
        write(tmp_path / "lr" / place / f"{name.format(stem)}.png", LEVELS[:15, :22])
    paired = pair_lr(hr, tmp_path / "lr", scale=2)
    assert [path.stem for path in paired.lr_paths] == [name.format(stem) for stem in ("baby", "ppt3")]
    image = paired.image(0, scale=2)
    assert image.hr.shape == (30, 44, 3)  # cut to its LR image
    assert np.array_equal(image.lr, LEVELS[:15, :22])


def test_decorated_hr_names_meet_decorated_lr_names(tmp_path):
    write(tmp_path / "img_001_SRF_2_HR.png", LEVELS[:, :44])
    write(tmp_path / "lr" / "img_001_SRF_2_LR.png", LEVELS[:15, :22])
    write(tmp_path / "lr" / "img_001_SRF_4_LR.png", LEVELS[:7, :11])
    (one,) = find_sets(tmp_path)
    assert pair_lr(one, tmp_path / "lr", scale=2).lr_paths[0].stem == "img_001_SRF_2_LR"


def test_a_grey_lr_image_is_replicated(hr, tmp_path):
    for stem in ("baby", "ppt3"):
        write(tmp_path / "lr" / f"{stem}.png", LEVELS[:15, :22, 0])
    assert pair_lr(hr, tmp_path / "lr", scale=2).image(0, scale=2).lr.shape == (15, 22, 3)


def test_a_missing_or_ambiguous_partner_is_named(hr, tmp_path):
    with pytest.raises(ConfigError, match="no LR images for Set"):
        pair_lr(hr, tmp_path / "lr", scale=2)
    write(tmp_path / "lr" / "babyx2.png", LEVELS[:15, :22])
    with pytest.raises(ImageError, match=r"ppt3.png: no LR images"):
        pair_lr(hr, tmp_path / "lr", scale=2)
    for stem in ("baby_x2", "ppt3"):
        write(tmp_path / "lr" / f"{stem}.png", LEVELS[:15, :22])
    with pytest.raises(ImageError, match=r"baby.png: 2 LR images"):
        pair_lr(hr, tmp_path / "lr", scale=2)


def test_an_lr_image_of_another_size_is_refused(hr, tmp_path):
    for stem in ("baby", "ppt3"):
        write(tmp_path / "lr" / f"{stem}.png", LEVELS[:15, :23])  # rounded up: the HR was not cut before
    with pytest.raises(ImageError, match=r"23x15 is not .*baby.png \(45x30\) downscaled by 2, expected 22x15"):
        pair_lr(hr, tmp_path / "lr", scale=2).image(0, scale=2)
