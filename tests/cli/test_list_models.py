import json

from kukkiri import pretrained
from kukkiri.cli import run
from kukkiri.inference import PRESETS


def test_every_model_preset_and_start_is_listed_in_columns(capsys):
    assert run(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    head, *rows = lines[: 1 + len(pretrained.list_models())]
    assert [row.split()[0] for row in rows] == pretrained.list_models()
    end = head.index("Set5") + len("Set5")
    for name, row in zip(pretrained.list_models(), rows, strict=True):
        psnr = pretrained.read_card(name)["scores"]["sets"]["Set5"]["psnr"]
        assert row[:end].endswith(f" {psnr:.2f}")  # under its heading, however long the name
    text = "\n".join(lines)
    assert all(f"--preset {name}" in text for name in PRESETS)
    assert all(name in text for name in pretrained.list_initializations())


def test_json_holds_the_cards(capsys):
    assert run(["models", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [card["name"] for card in printed["models"]] == pretrained.list_models()
    assert [card["name"] for card in printed["initializations"]] == pretrained.list_initializations()
    assert printed["presets"]["best"] == {"family": PRESETS["best"].family, "ensemble": PRESETS["best"].ensemble}
