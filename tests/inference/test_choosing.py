import json
import re

import pytest

import kukkiri.pretrained
from kukkiri.errors import ModelError
from kukkiri.inference import INTERPOLATIONS, PRESETS, Upscaler
from kukkiri.inference.families import choose_scales


@pytest.mark.parametrize(
    ("asked", "chain"),
    [
        *[(1, []), (1.2, [2]), (2, [2]), (2.5, [3]), (3, [3]), (4, [4]), (4.5, [2, 3]), (6, [2, 3])],
        *[(8, [2, 4]), (9, [3, 3]), (10, [3, 4]), (16, [4, 4]), (17, [2, 3, 3])],
    ],
)
def test_the_fewest_runs_and_then_the_smallest_excess(asked, chain):
    assert choose_scales([2, 3, 4], asked) == chain


def test_a_single_scale_repeats():
    assert choose_scales([3], 10) == [3, 3, 3]
    with pytest.raises(ModelError, match="scale 1000 is out of reach: 8 runs of x2"):
        choose_scales([2], 1000)


@pytest.fixture
def shop(tmp_path, monkeypatch, exported):
    """Three shipped models of one family, all the same network (only its scale 3 is true)."""
    for model_id in ("espcn-x2", "espcn-x3", "espcn-x4", "sesr-s-x2", "sesr-s-x3", "plain-m-x3"):
        (tmp_path / f"{model_id}.onnx").write_bytes(exported["espcn"].read_bytes())
        (tmp_path / f"{model_id}.json").write_text(json.dumps({"name": model_id}))
    monkeypatch.setattr(kukkiri.pretrained, "_folder", lambda: tmp_path)
    return tmp_path


def test_families_presets_ids_and_files_are_found(shop):
    family = Upscaler("espcn", scale=6)
    assert [engine.path.stem for engine in family.engines] == ["espcn-x2", "espcn-x3"]
    assert Upscaler("fast", scale=3).engines[0].path.stem == "sesr-s-x3"
    assert Upscaler("fast").scale == 2
    assert Upscaler("espcn-x3").scale == 3
    assert Upscaler(shop / "espcn-x4.onnx").engines[0].path == shop / "espcn-x4.onnx"


def test_the_preset_best_runs_the_ensemble_by_itself(shop):
    assert Upscaler("best", scale=3).ensemble
    assert not Upscaler("balanced", scale=3).ensemble
    assert Upscaler("balanced", scale=3, ensemble=True).ensemble


def test_a_preset_without_its_models_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(kukkiri.pretrained, "_folder", lambda: tmp_path)
    with pytest.raises(ModelError, match="preset 'balanced' needs plain-m models, but none are shipped"):
        Upscaler()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("bicubik", "bicubic"), ("escpn-x3", "espcn-x3"), ("balancd", "balanced"), ("lancos", "lanczos")],
)
def test_a_misspelt_model_gets_a_hint_and_the_list(shop, typed, meant):
    with pytest.raises(ModelError, match=re.escape(f"{typed!r}; did you mean {meant!r}? Known: bicubic, ")):
        Upscaler(typed)


def test_a_misspelt_file_names_the_nearest(shop):
    with pytest.raises(ModelError, match=r"no such file. Did you mean .*espcn-x3.onnx\?"):
        Upscaler(shop / "escpn-x3.onnx")


def test_names_are_unambiguous():
    assert not set(INTERPOLATIONS) & set(PRESETS)
    assert all(preset.summary for preset in PRESETS.values())
