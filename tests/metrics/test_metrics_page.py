"""The table of docs/explanation/metrics.md, and docs/extending/metric.md followed to the letter."""

import os
import shutil
import subprocess
import sys

import pytest

from kukkiri.images import Image
from kukkiri.metrics import METRICS
from tests.extending_pages import ROOT, insert_lines, read_block, run_tool
from tests.tolerances import FLOAT64_LARGE_VALUES


def test_the_table_is_what_the_tool_writes():
    tool = run_tool("list_metrics")
    page = (ROOT / "docs" / "explanation" / "metrics.md").read_text(encoding="utf-8")
    assert tool["make_page"]() == page, "run python tools/list_metrics.py --write"
    assert all(f"| `{name}` | {metric.title} |" in page for name, metric in METRICS.items())


def test_a_metric_of_a_program_is_scored_and_printed(tmp_path, rng, monkeypatch, capsys):
    for name in "ab":
        image = Image.from_array(rng.integers(0, 256, (40, 48, 3), dtype="uint8"))
        (tmp_path / "Set5").mkdir(exist_ok=True)
        image.save(tmp_path / "Set5" / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    before = dict(METRICS)
    names = {}
    try:
        exec(compile(read_block("metric", "python"), "docs/extending/metric.md", "exec"), names)
    finally:
        METRICS.clear()
        METRICS.update(before)
    mean, *table = capsys.readouterr().out.splitlines()
    values = [scores["mae"] for scores in names["found"][0].sets["Set5"].scores.values()]
    assert float(mean) == pytest.approx(sum(values) / 2, abs=FLOAT64_LARGE_VALUES)
    assert all(5 < value < 120 for value in values)  # noise against its interpolation
    assert "Set5: MAE (levels)" in table[2]
    assert f"| {float(mean):.3f} |" in table[4]


def test_a_metric_is_added_to_the_package_as_the_page_says(tmp_path):
    source = tmp_path / "src" / "kukkiri"
    shutil.copytree(
        ROOT / "src" / "kukkiri", source, ignore=shutil.ignore_patterns("*.onnx", "*.safetensors", "__pycache__")
    )
    (source / "metrics" / "mae.py").write_text(
        read_block("metric", 'python title="src/kukkiri/metrics/mae.py"'), encoding="utf-8"
    )
    insert_lines(
        read_block("metric", 'diff title="src/kukkiri/metrics/registry.py"'), source / "metrics" / "registry.py"
    )
    test = tmp_path / "tests" / "metrics" / "test_mae.py"
    test.parent.mkdir(parents=True)
    test.write_text(read_block("metric", 'python title="tests/metrics/test_mae.py"'), encoding="utf-8")
    (tmp_path / "tools").mkdir()
    for name in ("list_metrics.py", "marked_table.py"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    page = tmp_path / "docs" / "explanation" / "metrics.md"
    page.parent.mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "explanation" / "metrics.md", page)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    where = subprocess.run(
        [sys.executable, "-c", "import kukkiri; print(kukkiri.__file__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(tmp_path))  # not the checkout
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(test)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    subprocess.run([sys.executable, "tools/list_metrics.py", "--write"], env=environment, cwd=tmp_path, check=True)
    assert "| `mae` | MAE (levels) | lower | mean absolute error in 8-bit levels |" in page.read_text(encoding="utf-8")
