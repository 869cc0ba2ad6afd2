import csv
import io
import json
import math

import pytest

from kukkiri.evaluation import (
    Evaluation,
    SetScore,
    differences,
    to_csv,
    to_json,
    to_markdown,
    to_text,
)
from kukkiri.profiling import Cost
from tests.tolerances import FLOAT64_LARGE_VALUES, FLOAT64_MATHS

COST = Cost(12_809, 1_384_888_889, 0.1234, 137_901_265)


def evaluation(model, scale, shift=0.0, **more):
    scored = {
        name: SetScore(
            name,
            {
                "a": {"psnr": 30.0 + shift, "ssim": 0.9, "niqe": 4.0},
                "b": {"psnr": 34.0 + shift + 0.2, "ssim": 0.95, "niqe": None},
            },
        )
        for name in ("Set5", "Set14")
    }
    return Evaluation(model, scale, "y-matlab", "bicubic", scored, **more)


@pytest.fixture
def both():
    return [evaluation("bicubic", 2, cost=Cost(0, None, 0.01, None)), evaluation("espcn", 2, 1.0, cost=COST)]


def test_one_evaluation_is_the_documented_object():
    value = json.loads(to_json([evaluation("bicubic", 2)]))
    assert {key: value[key] for key in ("model", "scale", "protocol", "degradation")} == {
        "model": "bicubic",
        "scale": 2,
        "protocol": "y-matlab",
        "degradation": "bicubic",
    }
    set5 = value["sets"]["Set5"]
    assert set5["psnr"] == pytest.approx(32.1, abs=FLOAT64_MATHS)
    assert set5["images"] == {
        "a": {"psnr": 30.0, "ssim": 0.9, "niqe": 4.0},
        "b": {"psnr": 34.2, "ssim": 0.95, "niqe": None},
    }
    assert set5["interval"]["psnr"] == pytest.approx([30.0, 34.2])
    assert "cost" not in value


def test_several_evaluations_bring_their_differences_from_the_first(both):
    value = json.loads(to_json(both))
    assert [evaluation["model"] for evaluation in value["evaluations"]] == ["bicubic", "espcn"]
    assert value["evaluations"][1]["cost"] == vars(COST)
    assert [(row["model"], row["baseline"], row["scale"], row["set"]) for row in value["differences"]] == [
        ("espcn", "bicubic", 2, "Set5"),
        ("espcn", "bicubic", 2, "Set14"),
    ]
    assert value["differences"][0]["psnr"] == pytest.approx(
        {"mean": 1.0, "low": 1.0, "high": 1.0}, abs=FLOAT64_LARGE_VALUES
    )


def test_a_difference_pairs_scales_sets_and_images():
    ours, theirs = evaluation("espcn", 3, 0.5), evaluation("bicubic", 3)
    del theirs.sets["Set14"]
    del theirs.sets["Set5"].scores["b"]
    (found,) = differences([theirs, evaluation("espcn", 2), ours])
    assert (found.scale, found.set) == (3, "Set5")
    assert found.psnr[0] == 0.5
    assert math.isnan(found.psnr[1])  # one image tells nothing about others
    assert found.to_json()["psnr"] == {"mean": 0.5, "low": None, "high": None}
    assert differences([]) == []


def test_the_baseline_can_be_chosen_and_must_be_there(both):
    (found, _) = differences(both, baseline="espcn")
    assert found.psnr[0] == pytest.approx(-1)
    with pytest.raises(ValueError, match="not among"):
        differences(both, baseline="edsr")


def test_different_protocols_are_not_compared():
    other = Evaluation("espcn", 2, "rgb", "bicubic", {})
    with pytest.raises(ValueError, match="different protocols"):
        differences([evaluation("bicubic", 2), other])


def test_csv_has_a_line_for_each_image_and_every_digit(both):
    rows = list(csv.DictReader(io.StringIO(to_csv(both))))
    assert len(rows) == 8
    assert rows[0] == {
        "model": "bicubic",
        "scale": "2",
        "protocol": "y-matlab",
        "degradation": "bicubic",
        "set": "Set5",
        "image": "a",
        "psnr": "30.0",
        "ssim": "0.9",
        "niqe": "4.0",
    }
    assert rows[1]["niqe"] == ""
    assert float(rows[1]["psnr"]) == both[0].sets["Set5"].images["b"].psnr


def test_markdown_is_two_tables(both):
    text = to_markdown(both)
    lines = text.splitlines()
    assert lines[0] == "Protocol y-matlab, LR bicubic; [95 % confidence interval of the mean]."
    assert lines[2].startswith("| model | scale | Set5: PSNR (dB) | Set5: SSIM | Set5: NIQE | Set14: PSNR (dB) |")
    assert lines[3] == "|" + "---|" * 12
    assert lines[4].startswith("| bicubic | x2 | 32.10 [30.00, 34.20] | 0.9250 [0.9000, 0.9500] | 4.00 |")
    assert lines[4].endswith("| 0 | - | 0.01 s | - |")
    assert lines[5].endswith("| 12,809 | 1.38 G | 0.123 s | 138 MB |")
    assert "| espcn | x2 | Set5 | +1.000 [+1.000, +1.000] | +0.00000 [+0.00000, +0.00000] |" in lines
    assert {line.count("|") for line in lines[2:6]} == {13}


def test_a_model_without_a_set_or_a_cost_leaves_its_cells_empty(both):
    del both[1].sets["Set14"]
    lines = to_markdown([both[0], Evaluation(**{**vars(both[1]), "cost": None})]).splitlines()
    assert lines[5].count("| - ") == 3 + 4


def test_lines_for_a_terminal_have_the_same_numbers(both):
    text = to_text(both)
    assert "espcn x2, y-matlab, bicubic\n" in text
    assert "Set5         33.1000 dB  0.925000  NIQE 4.0000  [31.00, 35.20] dB  (2 images)" in text
    assert "for 1 MP     0.123 s, 138 MB, 1.38 G multiply-adds; 12,809 parameters" in text
    assert "espcn minus bicubic, x2 Set5: +1.000 [+1.000, +1.000] dB" in text
