import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("matplotlib")

from kukkiri.checkpoints import describe, save_safetensors
from kukkiri.cli import run
from kukkiri.images import Image, read_image
from kukkiri.networks import NETWORKS

ARGUMENTS = {
    "san": {"scale": 2, "width": 8, "groups": 2, "blocks": 1, "reduction": 4},
    "rcan": {"scale": 2, "width": 8, "groups": 1, "blocks": 2, "reduction": 4},
    "espcn": {"scale": 2},
}


@pytest.fixture
def model(tmp_path):
    def make(name):
        network = NETWORKS[name](**ARGUMENTS[name])
        path = tmp_path / f"{name}.safetensors"
        save_safetensors(network, path, info=describe(network, name=f"{name}-tiny", arguments=ARGUMENTS[name]))
        return str(path)

    return make


@pytest.fixture
def image(tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, size=(18, 26, 3), dtype=np.uint8)
    Image.from_array(levels).save(tmp_path / "lr.png")
    return str(tmp_path / "lr.png")


def test_attention_of_san_is_drawn_and_printed(model, image, tmp_path, capsys):
    arguments = ["inspect", "attention", model("san"), image, "-o", str(tmp_path / "maps.png"), "--pixel", "20,4"]
    assert run([*arguments, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [row["order"] for row in printed["channels"]] == [2, 2]
    assert len(printed["channels"][0]["weights"]) == 8
    assert [row["name"] for row in printed["positions"]] == ["non_local, call 1", "non_local, call 2"]
    assert printed["pixel"] == [20, 4]
    assert printed["files"] == [str(tmp_path / f"maps-{kind}.png") for kind in ("channels", "positions")]
    for file in printed["files"]:
        drawn = read_image(file).colour
        assert drawn.shape[0] > 100
        assert drawn.std() > 0.05  # something is on it
    assert run(arguments) == 1  # both files exist
    assert "exists" in capsys.readouterr().err
    assert run([*arguments, "--overwrite"]) == 0
    assert "RG.1.soca: order 2, 8 channels" in capsys.readouterr().out


def test_a_network_with_channel_attention_only_gets_one_image(model, image, tmp_path, capsys):
    assert run(["inspect", "attention", model("rcan"), image, "-o", str(tmp_path / "a.png")]) == 0
    assert not (tmp_path / "a-positions.png").exists()
    assert (tmp_path / "a-channels.png").exists()


def test_a_network_without_attention_is_sent_to_attribution(model, image, tmp_path, capsys):
    assert run(["inspect", "attention", model("espcn"), image, "-o", str(tmp_path / "a.png")]) == 1
    assert "Use kukkiri inspect attribution" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["espcn", "san"])
def test_attribution_is_drawn_and_printed(name, model, image, tmp_path, capsys):
    arguments = ["inspect", "attribution", model(name), image, "-o", str(tmp_path / "a.png"), "--box", "20,12,8,8"]
    assert run([*arguments, "--steps", "20", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert 0 < printed["diffusion_index"] < 100
    assert printed["sum"] == pytest.approx(printed["change"], rel=0.05, abs=1e-3)  # a path of 20 steps
    assert read_image(tmp_path / "a.png").colour.std() > 0.05


def test_a_figure_that_cannot_be_written_is_one_line_and_leaves_nothing(model, image, tmp_path, capsys, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    path = model("espcn")
    before = sorted(tmp_path.iterdir())
    target = str(tmp_path / "a.png")
    assert run(["inspect", "attribution", path, image, "-o", target, "--box", "20,12,8,8", "--steps", "1"]) == 1
    assert "a.png: cannot be written (No space left on device)" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_a_crop_is_taken_before_anything_else(model, image, tmp_path, capsys):
    path = model("san")
    arguments = ["inspect", "attention", path, image, "-o", str(tmp_path / "a.png"), "--crop", "4,2,12,10", "--json"]
    assert run(arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["pixel"] == [6, 5]
    cut = read_image(image).to_array()[2:12, 4:16]
    Image.from_array(cut).save(tmp_path / "cut.png")
    assert run(["inspect", "attention", path, str(tmp_path / "cut.png"), "-o", str(tmp_path / "b.png"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["channels"] == printed["channels"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--box", "20,12,8"], "expected LEFT,TOP,WIDTH,HEIGHT, whole numbers"),
        (["--box", "50,12,8,8"], "is not inside the output of 52x36 pixels"),
        (
            ["--box", "0,0,2,2", "--margin", "0"],
            "is 1x1 input pixels, too few for a blur of 9x9",
        ),
        (["--box", "0,0,8,8", "--steps", "0"], "--steps must be at least 1"),
        (["--box", "0,0,8,8", "--crop", "20,0,8,8"], "is not inside .* of 26x18 pixels"),
    ],
)
def test_mistakes_are_printed_in_one_line(options, message, model, image, tmp_path, capsys):
    import re

    target = str(tmp_path / "a.png")
    assert run(["inspect", "attribution", model("espcn"), image, "-o", target, *options]) == 1
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert error.count("\n") == 1


def test_another_suffix_is_refused(model, image, tmp_path, capsys):
    assert run(["inspect", "attention", model("san"), image, "-o", str(tmp_path / "a.jpg")]) == 1
    assert "drawings are written as .png, .svg or .pdf" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_missing_folder_is_printed_before_the_work(suffix, model, image, tmp_path, capsys):
    target = str(tmp_path / "missing" / f"a{suffix}")
    assert run(["inspect", "attribution", model("espcn"), image, "-o", target, "--box", "20,12,8,8"]) == 1
    assert "there is no folder" in capsys.readouterr().err
