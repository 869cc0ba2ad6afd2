import numpy as np
import pytest

from kukkiri.errors import ConfigError
from kukkiri.evaluation import BENCHMARKS, TestSet, data_folders, find_benchmark, look_for_benchmark
from kukkiri.evaluation.benchmarks import DATA_VARIABLE, Benchmark
from kukkiri.images import Image

SET5 = {"a": (512, 512), "b": (288, 288), "c": (256, 256), "d": (280, 280), "e": (344, 228)}


def fill(folder, sizes, suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (height, width) in sizes.items():
        Image.from_array(np.zeros((height, width), np.uint8)).save(folder / f"{name}{suffix}")
    return folder


@pytest.mark.parametrize(
    ("name", "title", "count"), [("set5", "Set5", 5), ("set14", "Set14", 14), ("b100", "B100", 100)]
)
def test_the_real_sets_are_found_and_pass(shared, name, title, count):
    found = find_benchmark(name, [shared / "data"])
    assert (found.name, len(found.paths)) == (title, count)


def test_the_sizes_are_those_behind_the_means_that_surveys_print():
    # Wang, Chen & Hoi 2020 (arXiv:1902.06068), table 1: 113,491 and 230,203 pixels
    for name, mean in (("set5", 113_491), ("set14", 230_203)):
        sizes = BENCHMARKS[name].sizes
        assert len(sizes) == BENCHMARKS[name].count
        assert round(sum(height * width for height, width in sizes) / len(sizes)) == mean


@pytest.mark.parametrize("place", ["Set5", "set5", "SET_5", "Set-5", "Set5/HR", "Set5/original", "Set5/Set5"])
def test_a_set_is_found_under_its_usual_names(tmp_path, place):
    fill(tmp_path / place, SET5)
    found = find_benchmark("set5", [tmp_path])
    assert found.name == "Set5"
    assert [path.stem for path in found.paths] == list("abcde")


def test_the_folder_itself_may_be_named_and_any_file_type_counts(tmp_path):
    folder = fill(tmp_path / "Set5", SET5, suffix=".webp")  # whose size is not read from a PNG header
    assert len(find_benchmark("SET5", [folder]).paths) == 5


def test_several_folders_are_searched_in_order(tmp_path):
    (tmp_path / "first").mkdir()
    fill(tmp_path / "second" / "Set5", SET5)
    assert find_benchmark("set5", [tmp_path / "first", tmp_path / "second"]).paths


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"e": (340, 228)}, r"e\.png is 228x340, expected 228x344"),  # cut to a multiple of 4
        ({"e": (228, 344)}, "expected 228x344"),
        ({"f": (512, 512)}, "6 images, expected 5"),
    ],
)
def test_other_images_than_the_published_ones_are_refused(tmp_path, change, message):
    fill(tmp_path / "Set5", {**SET5, **change})
    with pytest.raises(ConfigError, match=message):
        find_benchmark("set5", [tmp_path])


def small(**rules):
    return Benchmark("Small", 2, **rules)


@pytest.mark.parametrize(
    ("rules", "sizes", "message"),
    [
        ({"any_of": ((20, 30), (30, 20))}, {"a": (20, 30), "b": (30, 20)}, None),
        ({"any_of": ((20, 30), (30, 20))}, {"a": (20, 30), "b": (30, 21)}, "b.png is 21x30, expected 30x20 or rotated"),
        ({"long_side": 30}, {"a": (20, 30), "b": (30, 17)}, None),
        ({"long_side": 30}, {"a": (20, 30), "b": (28, 17)}, "b.png is 17x28, expected a side of 30"),
        ({"mean_pixels": 500}, {"a": (20, 30), "b": (20, 20)}, None),
        ({"mean_pixels": 2000}, {"a": (20, 30), "b": (20, 20)}, "500 pixels on average, expected about 2,000"),
    ],
)
def test_sets_of_varying_sizes_are_checked_against_the_known_rules(tmp_path, rules, sizes, message):
    paths = tuple(sorted(fill(tmp_path, sizes).iterdir()))
    if message is None:
        small(**rules).check(TestSet("Small", paths))
    else:
        with pytest.raises(ConfigError, match=message):
            small(**rules).check(TestSet("Small", paths))


def test_a_missing_set_is_an_error_with_a_remedy(tmp_path):
    assert look_for_benchmark("set5", [tmp_path]) is None
    with pytest.raises(ConfigError, match=r"Set5 is not in .*docs/how-to/evaluate.md"):
        find_benchmark("set5", [tmp_path])
    with pytest.raises(ConfigError, match=r"DIV2K_valid_HR.*--download"):
        find_benchmark("div2k", [tmp_path])
    with pytest.raises(ConfigError, match=r"unknown benchmark .set6.; did you mean 'set5'\? Known: set5"):
        find_benchmark("set6", [tmp_path])
    with pytest.raises(ConfigError, match="no such folder of test sets"):
        find_benchmark("set5", [tmp_path / "none"])


def test_folders_come_from_the_option_or_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert data_folders([]) == [tmp_path]
    assert data_folders([tmp_path / "given"]) == [tmp_path / "given"]
    monkeypatch.setenv(DATA_VARIABLE, "")
    with pytest.raises(ConfigError, match=DATA_VARIABLE):
        data_folders([])
