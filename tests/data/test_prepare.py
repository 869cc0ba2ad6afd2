import json

import numpy as np
import pytest

from kukkiri.data import LRSet, PairSet, PreparedFolder, prepare, read_rgb8
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Image

SIZES = {"a": (250, 301), "b": (96, 120), "c": (101, 240)}


@pytest.fixture
def folder(tmp_path, rng):
    (tmp_path / "images").mkdir()
    for name, shape in SIZES.items():
        image = Image.from_array(rng.integers(0, 256, (*shape, 3), dtype=np.uint8))
        image.save(tmp_path / "images" / f"{name}.png")
    return tmp_path / "images"


def test_whole_images_are_the_pairs_that_training_makes_itself(folder, tmp_path):
    prepare(folder, tmp_path / "made", lr_sets=[LRSet(2, "photo", 2), LRSet(3, "bicubic")])
    for scale, degradation, variants in ((2, "photo", 2), (3, "bicubic", 1)):
        options = {"scale": scale, "degradation": degradation, "variants": variants, "colour": "rgb"}
        there = PairSet.from_folder(tmp_path / "made", **options)
        for expected, pair in zip(PairSet.from_folder(folder, **options), there, strict=True):
            assert pair.name == expected.name
            assert np.array_equal(pair.lr, expected.lr)
            assert np.array_equal(pair.hr, expected.hr)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_sub_images_cover_the_image_and_lr_is_cut_after_the_degradation(folder, tmp_path, scale):
    prepared = prepare(folder, tmp_path / "made", lr_sets=[LRSet(scale, "bicubic")], sub_image=96)
    pixels = prepared.hr()
    whole = PairSet.from_folder(folder, scale=scale, colour="rgb")
    for image, name in enumerate(SIZES):
        canvas = np.zeros((*SIZES[name], 3), dtype=np.uint8)
        seen = np.zeros(SIZES[name], dtype=int)
        for piece, hr in zip(prepared.pieces, pixels, strict=True):
            if piece.image == image:
                place = slice(piece.top, piece.top + piece.height), slice(piece.left, piece.left + piece.width)
                canvas[place], seen[place] = hr, seen[place] + 1
                assert max(hr.shape[:2]) <= 96 + 23  # the last piece takes what the grid of 24 left
        assert (seen == 1).all()
        assert np.array_equal(canvas, read_rgb8(folder / f"{name}.png"))
    pieces = PairSet.from_folder(tmp_path / "made", scale=scale, colour="rgb")
    for pair, piece in zip(pieces, prepared.pieces, strict=True):
        rows, columns = piece.at_scale(scale)
        assert np.array_equal(pair.lr, whole[piece.image].lr[rows, columns])
        assert pair.hr.shape == (scale * pair.lr.shape[0], scale * pair.lr.shape[1], 3)


def test_a_scale_is_added_without_writing_hr_again(folder, tmp_path):
    made = tmp_path / "made"
    prepare(folder, made, lr_sets=[LRSet(2, "bicubic")])
    before = (made / "hr.bin").stat()
    prepared = prepare(folder, made, lr_sets=[LRSet(2, "bicubic"), LRSet(4, "bicubic+noise:0.02")])
    assert (made / "hr.bin").stat().st_mtime_ns == before.st_mtime_ns
    assert prepared.lr_sets == [LRSet(2, "bicubic"), LRSet(4, "bicubic+noise:0.02")]


def test_an_unreadable_image_is_named_and_the_others_are_prepared(folder, tmp_path):
    whole = PairSet.from_folder(folder, scale=2, colour="rgb")
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:5000])
    for _ in range(2):  # the second time from the manifest
        prepared = prepare(folder, tmp_path / "made", lr_sets=[LRSet(2, "bicubic")])
        assert len(prepared.problems) == 1
        assert "b.png" in prepared.problems[0]
        assert "truncated" in prepared.problems[0]
    pairs = PairSet.from_folder(tmp_path / "made", scale=2, colour="rgb")
    assert [pair.name for pair in pairs] == ["a", "c"]
    assert np.array_equal(pairs[1].lr, whole[2].lr)
    with pytest.raises(ImageError, match=r"b\.png"):
        PairSet.from_folder(folder, scale=2, colour="rgb", cache=tmp_path / "cache")


def test_no_partial_file_is_left_when_the_work_is_interrupted(folder, tmp_path):
    def stop(label: str, done: int, _: int) -> None:
        if label != "HR" and done == 2:
            raise KeyboardInterrupt

    made = tmp_path / "made"
    with pytest.raises(KeyboardInterrupt):
        prepare(folder, made, lr_sets=[LRSet(2, "bicubic")], report=stop)
    assert sorted(path.name for path in made.iterdir()) == ["hr.bin", "manifest.json"]
    assert prepare(folder, made, lr_sets=[LRSet(2, "bicubic")]).check() == []


def test_a_flipped_bit_and_a_cut_file_are_found(folder, tmp_path):
    made = tmp_path / "made"
    prepared = prepare(folder, made, lr_sets=[LRSet(2, "bicubic")])
    assert prepared.check() == []
    file = made / f"{LRSet(2, 'bicubic').stem}.bin"
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(data)
    assert len(PreparedFolder.open(made).check()) == 1
    file.write_bytes(data[:-1])
    with pytest.raises(ConfigError, match=f"has {len(data) - 1} bytes, expected {len(data)}"):
        PairSet.from_folder(made, scale=2, colour="rgb")


def test_lr_of_an_older_sampling_revision_is_made_again(folder, tmp_path, monkeypatch):
    made, lr_set = tmp_path / "made", LRSet(2, "photo", 2)
    with monkeypatch.context() as older:
        older.setattr("kukkiri.data.prepared.SAMPLING_REVISION", 1)
        prepare(folder, made, lr_sets=[LRSet(2, "bicubic"), lr_set])
    assert PreparedFolder.open(made).lr_sets == [LRSet(2, "bicubic")]
    assert PreparedFolder.open(made).check() == []
    assert set(prepare(folder, made, lr_sets=[lr_set]).lr_sets) == {LRSet(2, "bicubic"), lr_set}


def test_arguments_that_do_not_fit_the_prepared_folder_are_refused(folder, tmp_path):
    made = tmp_path / "made"
    prepare(folder, made, lr_sets=[LRSet(2, "bicubic")])
    with pytest.raises(ConfigError, match=r"no LR images for x4 bicubic, variants 1\. There: x2 bicubic, variants 1"):
        PairSet.from_folder(made, scale=4, colour="rgb")
    with pytest.raises(ConfigError, match="sub-images of 0, not 96"):
        prepare(folder, made, sub_image=96)
    with pytest.raises(ConfigError, match="at least 96, got 48"):
        prepare(folder, made, sub_image=48)
    with pytest.raises(ConfigError, match="x5 does not divide"):
        prepare(folder, tmp_path / "other", lr_sets=[LRSet(5, "bicubic")], sub_image=96)
    with pytest.raises(ImageError, match="smaller than scale 99"):
        prepare(folder, made, lr_sets=[LRSet(99, "bicubic")])
    (folder / "a.png").unlink()
    with pytest.raises(ConfigError, match="from other images"):
        prepare(folder, made)
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps({**manifest, "format": "other"}))
    with pytest.raises(ConfigError, match="not of the form"):
        PreparedFolder.open(made)
