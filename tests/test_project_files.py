"""The files around the code say the same: versions in one place are those of another."""

import re
import tomllib
from pathlib import Path

import pytest

import kukkiri

ROOT = Path(__file__).parents[1]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_names_the_version_of_the_package():
    assert re.search(r"^version: (.+)$", read("CITATION.cff"), flags=re.MULTILINE)[1] == kukkiri.__version__


def test_ci_runs_every_python_that_is_promised():
    promised = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', read("pyproject.toml"))
    tested = re.search(r"name: Tests, .*?python: \[([^]]+)\]", read(".github/workflows/ci.yml"), flags=re.DOTALL)[1]
    assert re.findall(r'"(3\.\d+)"', tested) == promised
    assert f">={promised[0]}" == tomllib.loads(read("pyproject.toml"))["project"]["requires-python"]


@pytest.mark.parametrize("workflow", ["ci", "nightly"])
def test_every_target_that_ci_makes_is_there(workflow):
    targets = set(re.findall(r"^(\w+):", read("Makefile"), flags=re.MULTILINE))
    asked = [
        re.findall(r"[a-z]+(?=\s|$)", line)
        for line in re.findall(r"run: make (.+)", read(f".github/workflows/{workflow}.yml"))
    ]
    assert asked
    assert {target for line in asked for target in line} <= targets


def test_the_hooks_before_a_commit_run_the_ruff_of_the_gate():
    pinned = re.search(r"^ruff==.+$", read("constraints.txt"), flags=re.MULTILINE)[0]
    assert set(re.findall(r"ruff==[\d.]+", read(".pre-commit-config.yaml"))) == {pinned}
