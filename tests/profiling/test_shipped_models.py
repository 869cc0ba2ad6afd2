import json

from kukkiri.cli import run
from kukkiri.inference import PRESETS
from kukkiri.pretrained import list_models
from kukkiri.profiling import shipped_models
from kukkiri.profiling.stages import STAGES, Stages


def measured(model, *, scale, megapixels, runs):
    assert megapixels == 1.0
    seconds = dict(zip(STAGES, (0.01, 0.04, 0.02, 0.03), strict=True))
    return Stages((1000, 1000), seconds, seconds, 2 * 10**9, 0)


def test_every_shipped_model_has_its_numbers(monkeypatch, capsys):
    monkeypatch.setattr(shipped_models, "measure_peak", lambda *, runs: (10**11, 10**11))
    monkeypatch.setattr(shipped_models, "measure_stages", measured)
    run(["doctor", "--benchmark", "--json"])
    value = json.loads(capsys.readouterr().out)["benchmark"]
    assert value["multiply_adds_per_second"] == 10**11
    assert {name.split(" ")[0] for name in value["models"]} >= set(list_models())
    ensembles = sum(preset.ensemble for preset in PRESETS.values())
    assert len(value["models"]) == len(list_models()) + ensembles
    for speed in value["models"].values():
        assert speed["ms_per_megapixel"] == 100.0
        assert speed["network_ms_per_megapixel"] == 40.0
        assert speed["seconds_12_megapixels"] == 1.2
        assert speed["share_of_peak"] == 0.5
        assert speed["memory_12_megapixels"] > 12e6


def test_the_table_has_a_line_for_each_model(monkeypatch, capsys):
    monkeypatch.setattr(shipped_models, "measure_peak", lambda *, runs: (10**11, 10**11))
    monkeypatch.setattr(shipped_models, "measure_stages", measured)
    run(["doctor", "--benchmark"])
    lines = capsys.readouterr().out.splitlines()
    assert "speed: 100 * 10^9 multiply-adds in a second (float32 matrix product)" in lines
    table = lines[lines.index("speed: 100 * 10^9 multiply-adds in a second (float32 matrix product)") + 2 :]
    assert len(table) >= len(list_models())
    assert all("50 %" in line and "1.2 s" in line for line in table)
