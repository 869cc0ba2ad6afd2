from pathlib import Path

import pytest

from kukkiri.cli.jobs import find_sources, plan_jobs
from kukkiri.errors import ConfigError


def targets(jobs):
    return [job.target for job in jobs]


def plan(inputs, **changes):
    sources = find_sources(inputs, recursive=False)
    return plan_jobs(sources, **{"output": None, "label": "x2", "suffix": None, **changes})


def test_names_beside_the_source_carry_the_scale_and_a_lossless_type():
    assert targets(plan(["a/one.jpg", "a/two.tif"])) == [Path("a/one-x2.png"), Path("a/two-x2.tif")]


def test_a_single_output_with_a_suffix_is_a_file_and_anything_else_a_folder(tmp_path):
    assert targets(plan(["one.jpg"], output=Path("out.webp"))) == [Path("out.webp")]
    assert targets(plan(["one.jpg"], output=Path("out"))) == [Path("out/one.png")]
    assert targets(plan(["one.jpg"], output=tmp_path)) == [tmp_path / "one.png"]
    assert targets(plan(["one.jpg", "two.jpg"], output=Path("out"), suffix=".jpg")) == [
        Path("out/one.jpg"),
        Path("out/two.jpg"),
    ]


def test_a_literal_name_with_brackets_is_a_file_not_a_glob(tmp_path):
    (tmp_path / "a[1].png").touch()
    assert targets(plan([str(tmp_path / "a[1].png")])) == [tmp_path / "a[1]-x2.png"]


def test_an_empty_folder_is_a_problem_of_its_own(tmp_path):
    (job,) = plan([str(tmp_path)])
    assert "no images in this folder. Use --recursive" in str(job.problem)


def test_an_unknown_suffix_is_refused():
    with pytest.raises(ConfigError, match=r"cannot write '\.gif'"):
        plan(["one.jpg"], suffix=".gif")


def test_the_same_file_twice_is_done_once():
    assert len(plan(["one.jpg", "one.jpg"])) == 1
