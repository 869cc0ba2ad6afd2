"""benchmarks/pareto.py: files of the user's as contenders, and points that are drawn by a ratio."""

import sys
from pathlib import Path

import numpy as np
import pytest

from kukkiri import pretrained

pytest.importorskip("torch", reason="needs torch")


@pytest.fixture
def scripts(monkeypatch):
    """The modules of the benchmark."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import pareto
    import pareto_candidates

    yield pareto, pareto_candidates
    for name in ("pareto", "pareto_candidates", "pareto_plot", "published_points"):
        sys.modules.pop(name, None)


def test_a_graph_is_a_contender_at_its_own_scale_only(scripts, tmp_path):
    _, candidates = scripts
    own = tmp_path / "own.onnx"
    own.write_bytes(pretrained.locate("plain-xs-x2", ".onnx").read_bytes())
    files = [own, pretrained.locate("plain-xs-x3", ".onnx"), tmp_path / "missing.onnx"]
    found, *others = candidates.contenders(files, scale=2, threads=1)
    assert (found.name, found.kind) == ("own", "contender")
    assert found.run(np.zeros((5, 6, 3), dtype=np.uint8)).shape == (10, 12, 3)
    assert others[0] == "plain-xs-x3.onnx: is of x3, not x2"
    assert others[1].startswith("missing.onnx: ")


def test_a_published_point_is_placed_by_its_ratio_to_a_network_of_this_run(scripts):
    pareto, candidates = scripts
    reference = candidates.reference(scale=2, threads=1)
    assert reference.run(np.zeros((4, 5, 3), dtype=np.uint8)).shape == (8, 10)
    unit = pareto.Measured(reference, psnr=0.0, cpu=[0.5, 0.5], wall=[0.6, 0.6])
    placed = {entry.candidate.name: entry for entry in pareto.place_published("Set5", unit, scale=2)}
    assert placed["PlainUSR-S"].seconds == pytest.approx(0.5 * 510 / 476)
    assert placed["PlainUSR-S"].psnr == 37.63
    assert "PlainUSR" not in {entry.candidate.name for entry in pareto.place_published("B100", unit, scale=2)}
    assert "| PlainUSR-S | published | 37.63 | 0.536 | 0.643 | scaled |" in pareto.table([*placed.values()]).replace(
        "*", ""
    )
    assert pareto.place_published("Set5", unit, scale=3) == []
