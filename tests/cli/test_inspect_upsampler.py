import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch")

import torch

from kukkiri.checkpoints import describe, export_onnx, load, save_safetensors
from kukkiri.cli import run
from kukkiri.images import Image, read_image
from kukkiri.metrics.checkerboard import smooth_probe
from kukkiri.networks import FSRCNN, VDSR
from kukkiri.upsampling import icnr_transposed_


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = FSRCNN(scale=2, d=8, s=4, m=1)
    with torch.no_grad():
        made.last_part.bias.fill_(0.4)
        made.last_part.weight.mul_(20)
    return made


def described(network, name):
    return describe(network, name=name, arguments={"scale": 2, "d": 8, "s": 4, "m": 1})


def inspected(capsys, *arguments):
    assert run(["inspect", "upsampler", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_network_at_initialization_shows_a_pattern_and_the_same_with_icnr_does_not(tmp_path, network, capsys):
    save_safetensors(network, tmp_path / "uneven.safetensors", info=described(network, "uneven"))
    icnr_transposed_(network.last_part.weight, scale=2, padding=4)
    save_safetensors(network, tmp_path / "even.safetensors", info=described(network, "even"))
    uneven = inspected(capsys, tmp_path / "uneven.safetensors", "--report", tmp_path / "report")
    even = inspected(capsys, tmp_path / "even.safetensors", "--report", tmp_path / "report2")
    assert uneven["before"]["score_db"] > 10
    assert even["before"]["score_db"] < 1
    assert even["before"]["phase_spread_levels"] < 1e-3 < uneven["before"]["phase_spread_levels"]
    image = read_image(tmp_path / "report" / "difference.png").colour
    assert image.shape[:2] == (192, 384)
    assert np.ptp(image[40:-40, 232:-40]) > 0.05  # the right half shows the pattern
    assert np.ptp(read_image(tmp_path / "report2" / "difference.png").colour[40:-40, 232:-40]) < np.ptp(
        image[40:-40, 232:-40]
    )
    assert (tmp_path / "report" / "spectrum.png").stat().st_size > 1000


def test_repair_evens_the_phases_and_says_what_it_costs(tmp_path, network, capsys):
    save_safetensors(network, tmp_path / "a.safetensors", info=described(network, "a"))
    export_onnx(network, tmp_path / "a.onnx", info=described(network, "a"))
    (tmp_path / "hr").mkdir()
    hr = smooth_probe(80, channels=3)
    Image.from_array((255 * hr).astype(np.uint8)).save(tmp_path / "hr" / "hr.png")
    outputs = []
    for suffix in ("safetensors", "onnx"):
        found = inspected(
            capsys, tmp_path / f"a.{suffix}", "--data", tmp_path / "hr", "--repair",
            "-o", tmp_path / "new" / f"b.{suffix}", "--report", tmp_path / "report",
        )  # fmt: skip
        outputs.append(found)
        assert found["after"]["score_db"] < found["before"]["score_db"] - 10
        assert found["after"]["phase_spread_levels"] < 0.1  # each phase within a twentieth of a level
        assert found["after"]["psnr"] != found["before"]["psnr"]
    for key in ("score_db", "phase_spread_levels", "psnr"):  # torch and ONNX Runtime
        np.testing.assert_allclose(outputs[0]["after"][key], outputs[1]["after"][key], atol=1e-2)
    assert load(tmp_path / "new" / "b.safetensors").info.network == "fsrcnn"


def test_an_image_of_the_user_is_upscaled_and_a_text_report_is_printed(tmp_path, network, capsys):
    save_safetensors(network, tmp_path / "a.safetensors", info=described(network, "a"))
    Image.from_array((255 * smooth_probe(50)[:, :41]).astype(np.uint8)).save(tmp_path / "lr.png")
    arguments = ["inspect", "upsampler", tmp_path / "a.safetensors", "--image", tmp_path / "lr.png"]
    assert run([*map(str, arguments), "--report", str(tmp_path / "report")]) == 0
    printed = capsys.readouterr()
    assert "a x2, levels of 8 bit" in printed.out
    assert "channel 0, mean" in printed.out
    assert read_image(tmp_path / "report" / "difference.png").colour.shape[:2] == (100, 2 * 82)


def test_mistakes_are_printed_in_one_line(tmp_path, network, capsys):
    save_safetensors(network, tmp_path / "a.safetensors", info=described(network, "a"))
    file = str(tmp_path / "a.safetensors")
    assert run(["inspect", "upsampler", file, "--repair"]) == 1
    assert "needs -o FILE" in capsys.readouterr().err
    assert run(["inspect", "upsampler", file, "--repair", "-o", str(tmp_path / "b.onnx")]) == 1
    assert "Change the suffix" in capsys.readouterr().err
    assert run(["inspect", "upsampler", file, "--repair", "-o", file]) == 1
    assert "exists already" in capsys.readouterr().err
    vdsr = VDSR()
    save_safetensors(vdsr, tmp_path / "v.safetensors", info=describe(vdsr, name="v", arguments={}))
    assert run(["inspect", "upsampler", str(tmp_path / "v.safetensors")]) == 1
    assert "does not upscale inside itself" in capsys.readouterr().err
