"""Rows from a file, and rows into a file."""

import dataclasses

import numpy as np
import pytest

from kukkiri.errors import ImageError
from kukkiri.images import Image, Metadata, encoding, read_image, row_sink
from kukkiri.images.reading import read_rows
from kukkiri.images.row_sink import open_row_sink
from kukkiri.images.row_source import RowWindow


def make_image(rng, *, channels=3, alpha=False, depth=8):
    levels = 255 if depth == 8 else 65535
    colour = (rng.integers(0, levels + 1, (53, 31, channels)) / levels).astype(np.float32)
    seen = (rng.integers(0, levels + 1, (53, 31)) / levels).astype(np.float32) if alpha else None
    return Image(colour=colour, alpha=seen, depth=depth, metadata=Metadata(xmp=b"<x/>", resolution=(300.0, 300.0)))


def write_rows(image, file, *, rows=10, **options):
    with open_row_sink(file, size=image.size, **options) as sink:
        for start in range(0, image.size[0], rows):
            part = slice(start, start + rows)
            alpha = None if image.alpha is None else image.alpha[part]
            sink.write(dataclasses.replace(image, colour=image.colour[part], alpha=alpha))
    return sink.notes


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
def test_rows_make_the_file_that_the_whole_image_makes(tmp_path, rng, suffix, channels, alpha, depth):
    image = make_image(rng, channels=channels, alpha=alpha, depth=depth)
    notes = image.save(tmp_path / f"whole{suffix}")
    assert write_rows(image, tmp_path / f"rows{suffix}") == notes
    whole, rows = (read_image(tmp_path / f"{name}{suffix}") for name in ("whole", "rows"))
    assert np.array_equal(whole.to_array(), rows.to_array())
    assert (whole.metadata, whole.depth) == (rows.metadata, rows.depth)
    if suffix == ".png":
        assert (tmp_path / "rows.png").read_bytes() == (tmp_path / "whole.png").read_bytes()


def test_floats_go_into_tiff_as_they_are(tmp_path, rng):
    image = dataclasses.replace(make_image(rng), colour=rng.random((53, 31, 3), dtype=np.float32), depth=32)
    write_rows(image, tmp_path / "a.tif")
    assert np.array_equal(read_image(tmp_path / "a.tif").colour, image.colour)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_file_that_is_given_up_is_not_there(tmp_path, rng, suffix):
    image = make_image(rng)
    broken = dataclasses.replace(image, colour=image.colour[20:].astype(np.float32) * np.float32(np.nan))

    def write():
        with open_row_sink(tmp_path / f"a{suffix}", size=image.size) as sink:
            sink.write(dataclasses.replace(image, colour=image.colour[:20]))
            sink.write(broken)

    with pytest.raises(ImageError, match="NaN"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_missing_rows_are_refused(tmp_path, rng):
    image = make_image(rng)

    def write():
        with open_row_sink(tmp_path / "a.png", size=image.size) as sink:
            sink.write(dataclasses.replace(image, colour=image.colour[:20]))

    with pytest.raises(ValueError, match="20 rows were written, expected 53"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_stays(tmp_path, rng):
    (tmp_path / "a.png").write_bytes(b"mine")
    with pytest.raises(ImageError, match=r"cannot be written|exists"):
        write_rows(make_image(rng), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"mine"
    write_rows(make_image(rng), tmp_path / "a.png", overwrite=True)
    assert read_image(tmp_path / "a.png").size == (53, 31)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("depth", [8, 16])
def test_rows_of_a_file_are_those_of_the_whole_image(tmp_path, rng, suffix, depth):
    make_image(rng, alpha=True, depth=depth).save(tmp_path / f"a{suffix}")
    whole = read_image(tmp_path / f"a{suffix}")
    source = read_rows(tmp_path / f"a{suffix}")
    assert source.size == whole.size
    assert (source.template.metadata, source.template.notes) == (whole.metadata, whole.notes)
    window, parts = RowWindow(source), []
    for start in range(0, 53, 9):
        parts.append(window.get(start, min(53, start + 9)))
        window.drop(start)
    assert np.array_equal(np.concatenate([part.colour for part in parts]), whole.colour)
    if whole.alpha is not None:
        assert np.array_equal(np.concatenate([part.alpha for part in parts]), whole.alpha)
    again = source.reopen()
    assert np.array_equal(again.fetch(0, 53).colour, whole.colour)


def test_a_window_keeps_what_was_not_dropped(tmp_path, rng):
    image = make_image(rng)
    image.save(tmp_path / "a.png")
    window = RowWindow(read_rows(tmp_path / "a.png"))
    window.get(0, 30)
    window.drop(12)
    assert np.array_equal(window.get(12, 40).colour, image.colour[12:40])
    with pytest.raises(ValueError, match="row 11 was dropped"):
        window.get(11, 20)


def test_damage_is_told_when_its_rows_are_fetched(tmp_path, rng):
    make_image(rng).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    source = read_rows(tmp_path / "a.png")
    with pytest.raises(ImageError, match="is truncated or corrupt"):
        source.fetch(0, 53)


@pytest.mark.parametrize("resolution", [None, (11811.0, 11811.0)])
def test_a_large_tiff_is_completed_in_place_as_a_small_one_is(tmp_path, rng, make_exif, monkeypatch, resolution):
    image = Image(
        colour=rng.random((40, 30, 3), dtype=np.float32),
        depth=8,
        metadata=Metadata(exif=make_exif().block, resolution=resolution),
    )
    for name, most in (("small.tif", 2**28), ("large.tif", 0)):
        monkeypatch.setattr(row_sink, "_PATCHED", most)
        with open_row_sink(tmp_path / name, size=(40, 30)) as sink:
            sink.write(image)
        assert sink.notes == []
    assert (tmp_path / "large.tif").read_bytes() == (tmp_path / "small.tif").read_bytes()
    assert b"Acme" in (tmp_path / "large.tif").read_bytes()


def test_exif_of_a_big_tiff_is_dropped_with_a_note_and_its_resolution_is_none(tmp_path, rng, make_exif, monkeypatch):
    monkeypatch.setattr(row_sink, "_PATCHED", 0)
    monkeypatch.setattr(encoding, "_CLASSIC_TIFF", 0)
    image = Image(colour=rng.random((40, 30, 3), dtype=np.float32), depth=8, metadata=Metadata(exif=make_exif().block))
    with open_row_sink(tmp_path / "a.tif", size=(40, 30)) as sink:
        sink.write(image)
    assert sink.notes == ["EXIF does not go into a TIFF of more than 4 GB and was dropped"]
    assert (tmp_path / "a.tif").read_bytes()[:4] == b"II+\0"
    assert read_image(tmp_path / "a.tif").metadata.resolution is None
