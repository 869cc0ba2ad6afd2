"""deploy/scale and the page about it."""

import json
import re
import shlex
from pathlib import Path

import pytest

from kukkiri.cli import app

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "scale"
PAGE = (ROOT / "docs" / "how-to" / "scale.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["slurm.sh", "kubernetes.yaml", "aws-batch.json", "parallel.sh"])
def test_the_page_shows_the_file_itself(name):
    assert f"```{'bash' if name.endswith('.sh') else name.rpartition('.')[2]}\n{read(name)}```" in PAGE


def read(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def arguments_of(name):
    text = read(name)
    if name.endswith(".json"):
        return json.loads(text)["containerOverrides"]["command"][1:]
    if name == "kubernetes.yaml":
        return re.findall(r"^ +- (\S+)$", text.split("args:")[1].split("resources:")[0], flags=re.MULTILINE)
    line = re.search(r"kukkiri (upscale .+?)(?: ::: .+)?$", text.replace("\\\n", " "), flags=re.MULTILINE)[1]
    return shlex.split(line.replace("{}", "3").replace("$SLURM_ARRAY_TASK_ID", "3"))


@pytest.mark.parametrize("name", ["slurm.sh", "kubernetes.yaml", "aws-batch.json", "aws-batch-s3.json", "parallel.sh"])
def test_the_command_of_a_file_parses_and_may_be_killed(name):
    arguments = arguments_of(name)
    _, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
    cluster = bound.arguments["cluster"]
    assert cluster.shard in ("3/16", "auto/16", "auto")
    assert cluster.manifest.name == "manifests"
    assert bound.arguments["files"].resume
    assert bound.arguments["files"].output.name == "large"


def test_the_numbers_of_shards_are_those_of_the_processes():
    assert "--array=1-16" in read("slurm.sh")
    assert "completions: 16\n" in read("kubernetes.yaml")
    assert json.loads(read("aws-batch.json"))["arrayProperties"] == {"size": 16}
    assert "{1..16}" in read("parallel.sh")
