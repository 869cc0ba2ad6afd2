import numpy as np
import PIL.Image
import pytest

from kukkiri.images import Image, read_jpeg_quality


@pytest.fixture
def noise(rng):
    return PIL.Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 75, 90, 95, 100])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_quality_and_chroma_are_those_it_was_written_with(tmp_path, noise, quality, subsampling):
    path = tmp_path / "a.jpg"
    noise.save(path, quality=quality, subsampling=subsampling)
    found = read_jpeg_quality(path)
    assert (found, found.full_chroma) == (quality, subsampling != 2)  # 4:2:2 keeps more than a quarter


@pytest.mark.parametrize(("quality", "subsampling"), [(60, 0), (60, 2), (97, 0), (97, 2)])
def test_a_file_is_written_with_them_again(tmp_path, noise, quality, subsampling):
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    noise.save(source, quality=quality, subsampling=subsampling)
    found = read_jpeg_quality(source)
    Image.from_array(np.asarray(noise)).save(target, quality=found)
    again = read_jpeg_quality(target)
    assert (again, again.full_chroma) == (quality, subsampling == 0)


def test_a_foreign_table_has_the_nearest_quality(tmp_path, noise):
    path = tmp_path / "a.jpg"
    table = [max(1, value // 5 + value % 2) for value in range(16, 80)]
    noise.save(path, qtables=[table, table])
    assert 85 <= read_jpeg_quality(path) <= 95


def test_grey_files_progressive_files_and_other_files(tmp_path, noise):
    noise.convert("L").save(tmp_path / "grey.jpg", quality=66)
    noise.save(tmp_path / "progressive.jpg", quality=66, progressive=True)
    noise.save(tmp_path / "a.png")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "grey.jpg").read_bytes()[:30])
    assert read_jpeg_quality(tmp_path / "grey.jpg") == read_jpeg_quality(tmp_path / "progressive.jpg") == 66
    for name in ("a.png", "cut.jpg", "none.jpg"):
        assert read_jpeg_quality(tmp_path / name) is None
