import numpy as np
import pytest

from kukkiri.data import PairSet, read_rgb8
from kukkiri.data.paired import match_files
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Image


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "lr").mkdir()
    (tmp_path / "hr").mkdir()
    return tmp_path / "lr", tmp_path / "hr"


def fill(folder, *names: str, size: tuple[int, int] = (6, 8), value: int = 0) -> None:
    """Write images of one grey value, (height, width)."""
    for name in names:
        Image.from_array(np.full((*size, 3), value, dtype=np.uint8)).save(folder / name)


@pytest.mark.parametrize(
    ("lr", "hr"),
    [
        ("photo.png", "photo.png"),
        ("photo.webp", "photo.png"),
        ("0801x2.png", "0801.png"),  # DIV2K
        ("0801x4w1.png", "0801.png"),  # DIV2K, wild
        ("a-x2.png", "a.png"),
        ("a_x2.png", "a.png"),
        ("a_X2.png", "a.png"),
        ("a_LR.png", "a.png"),
        ("a.png", "a_HR.png"),
        ("Canon_001_LR4.png", "Canon_001_HR.png"),  # RealSR
        ("img_001_SRF_2_LR.png", "img_001_SRF_2_HR.png"),  # SelfExSR
        ("baby_LRBI_x2.png", "baby_HR_x2.png"),  # RCAN
    ],
)
def test_a_partner_is_found_with_and_without_suffixes(folders, lr, hr):
    fill(folders[0], lr, "other.png")
    fill(folders[1], hr, "other.png")
    assert (folders[0] / lr, folders[1] / hr) in match_files(*folders)


def test_the_most_similar_stem_is_the_partner(folders):
    fill(folders[0], "tile_x1.png", "tile_x2.png", "tile.png")
    fill(folders[1], "tile_x1.png", "tile_x2.png", "tile.png")
    assert [(lr.name, hr.name) for lr, hr in match_files(*folders)] == [
        (name, name) for name in ("tile.png", "tile_x1.png", "tile_x2.png")
    ]


def test_pairs_are_read_as_they_are_in_the_order_of_hr(folders, rng):
    lr, hr = (rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((6, 8, 3), (18, 24, 3)))
    Image.from_array(lr).save(folders[0] / "bx3.png")
    Image.from_array(hr).save(folders[1] / "b.png")
    fill(folders[0], "z.png")
    fill(folders[1], "z.png", size=(18, 24))
    Image.from_array(lr[..., 0]).save(folders[0] / "ax3.png")  # grey becomes RGB
    fill(folders[1], "a.png", size=(18, 24))
    pairs = PairSet.from_paired(*folders, scale=3, colour="rgb")
    assert [pair.name for pair in pairs] == ["a", "b", "z"]
    assert np.array_equal(pairs[0].lr, lr[..., :1].repeat(3, axis=2))
    assert np.array_equal(pairs[1].lr, lr)
    assert np.array_equal(pairs[1].hr, read_rgb8(folders[1] / "b.png"))
    assert [pair.name for pair in PairSet.from_paired(*folders, scale=3, colour="y", limit=2)] == ["a", "b"]


@pytest.mark.parametrize(
    ("size", "remedy"),
    [
        ((13, 17), "is 17x13, but scale 2 times LR, which is 8x6, is 16x12. Crop it to 16x12."),
        ((18, 24), "is 24x18, but scale 2 times LR, which is 8x6, is 16x12. Check the scale, and that the two"),
        ((11, 16), "is 16x11, but scale 2 times LR, which is 8x6, is 16x12. Check the scale"),
    ],
)
def test_hr_that_is_not_scale_times_lr_is_refused(folders, size, remedy):
    fill(folders[0], "a_LR.png")
    fill(folders[1], "a.png", size=size)
    with pytest.raises(ImageError) as caught:
        PairSet.from_paired(*folders, scale=2, colour="y")
    said = str(caught.value).replace(str(folders[0] / "a_LR.png"), "LR")
    assert said.startswith(f"{folders[1] / 'a.png'}: {remedy}")


def test_a_file_without_a_partner_is_named(folders):
    fill(folders[0], "a.png", "bx2.png", "c.png")
    fill(folders[1], "a.png")
    with pytest.raises(
        ConfigError, match=r"bx2\.png: has no HR image in .*hr, nor have 1 other files; .* name b, with"
    ):
        match_files(*folders)
    fill(folders[1], "b.png", "c.png", "d_HR.png")
    with pytest.raises(ConfigError, match=r"d_HR\.png: has no LR image in .*lr; expected the name d, with a suffix"):
        match_files(*folders)


def test_two_partners_are_named(folders):
    fill(folders[0], "ax2.png", "ax3.png")
    fill(folders[1], "a.png")
    with pytest.raises(ConfigError, match=r"a\.png: has two LR images, ax2\.png and ax3\.png\. Keep one"):
        match_files(*folders)
    (folders[0] / "ax3.png").unlink()
    fill(folders[1], "a.webp")
    with pytest.raises(ConfigError, match=r"ax2\.png: has two HR images in .*hr, a\.png and a\.webp"):
        match_files(*folders)


def test_folders_that_cannot_be_paired_are_named(folders):
    with pytest.raises(ConfigError, match=r"lr: no images here"):
        match_files(*folders)
    fill(folders[0], "a.png")
    with pytest.raises(ConfigError, match="is both the LR and the HR folder"):
        match_files(folders[0], folders[0])
