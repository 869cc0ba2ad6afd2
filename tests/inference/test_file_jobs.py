import os
from pathlib import Path

import pytest

from kukkiri.errors import ConfigError
from kukkiri.inference.file_jobs import Naming, plan_jobs, sweep_targets
from kukkiri.inference.name_templates import NameTemplate
from kukkiri.inference.source_files import find_source_files, leave_out_results


def targets(jobs):
    return [job.target for job in jobs]


def plan(inputs, *, output=None, suffix=None, recursive=False):
    sources = leave_out_results(find_source_files(inputs, recursive=recursive), output=output)
    template = NameTemplate("{stem}-x{scale}" if output is None else "{stem}")
    return plan_jobs(sources, output=output, naming=Naming(template=template, scale=2), suffix=suffix).jobs


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
    assert "no images or clips in this folder. Use --recursive" in str(job.problem)


def test_an_unknown_suffix_is_refused():
    with pytest.raises(ConfigError, match=r"cannot write '\.xyz'"):
        plan(["one.jpg"], suffix=".xyz")


def test_the_same_file_twice_is_done_once():
    assert len(plan(["one.jpg", "one.jpg"])) == 1


def test_every_output_folder_is_swept_and_no_other(tmp_path):
    dead = ".kukkiri-99999999-0123456789abcdef.tmp"
    for folder in ("in/a", "in/b", "out/a", "out/b", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / dead).touch()
        os.utime(tmp_path / folder / dead, (0, 0))
    for name in ("a/1.png", "b/2.png"):
        (tmp_path / "in" / name).touch()
    sweep_targets(plan([str(tmp_path / "in"), str(tmp_path / "elsewhere")], output=tmp_path / "out", recursive=True))
    assert {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.tmp")} == {
        "in/a",
        "in/b",
        "elsewhere",
    }
