import json

import numpy as np
import pytest

from kukkiri.cli import run
from kukkiri.degradations import Degradation, gaussian_kernel, load_kernel, subsample
from kukkiri.images import Image, read_image
from tests.tolerances import FLOAT64_FEW_OPERATIONS, SAVED_PIXELS

pytest.importorskip("pyvips")


@pytest.fixture
def hr(rng, tmp_path):
    levels = rng.integers(0, 256, size=(24, 36, 3), dtype=np.uint8)
    Image.from_array(levels).save(tmp_path / "hr.png")
    return levels


def test_bicubic_of_an_8_bit_file_is_bit_exact(hr, tmp_path, capsys):
    assert run(["degrade", str(tmp_path / "hr.png"), "-o", str(tmp_path / "lr.png"), "--scale", "3"]) == 0
    np.testing.assert_array_equal(read_image(tmp_path / "lr.png").to_array(), subsample(hr, scale=3))
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path / 'lr.png'}\n"
    assert "bicubic" in captured.err
    assert not list(tmp_path.glob("*kernel*"))


def test_a_blur_writes_its_kernel_beside_the_output(hr, tmp_path):
    text = "gaussian:4.0,1.0,-0.5+direct"
    arguments = ["degrade", str(tmp_path / "hr.png"), "-o", str(tmp_path / "lr"), "--scale", "2", "-d", text]
    assert run(arguments) == 0
    np.testing.assert_allclose(
        load_kernel(tmp_path / "lr-kernel.npy"), gaussian_kernel(4.0, 1.0, -0.5), rtol=FLOAT64_FEW_OPERATIONS
    )
    assert read_image(tmp_path / "lr-kernel.png").size == (252, 252)
    expected = Degradation.parse(text).apply(hr, scale=2)
    np.testing.assert_array_equal(read_image(tmp_path / "lr" / "hr.png").to_array(), expected)
    assert [path.name for path in (tmp_path / "lr").iterdir()] == ["hr.png"]
    assert run(arguments) == 1  # exists already
    assert run([*arguments, "--overwrite"]) == 0


def test_a_real_photo_tells_the_steps_that_repeat_it(hr, tmp_path, capsys):
    arguments = ["degrade", str(tmp_path / "hr.png"), "-s", "2", "-d", "real", "--seed", "7", "--json"]
    assert run([*arguments, "-o", str(tmp_path / "one.png")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert run([*arguments, "-o", str(tmp_path / "two.png")]) == 0
    assert (report["degradation"], report["scale"], report["seed"], report["kernels"]) == ("real", 2, 7, [])
    (file,) = report["files"]
    assert file["size"] == [18, 12]
    assert str(Degradation.parse(file["degradation"])) == file["degradation"] != "real"
    first, second = (read_image(tmp_path / name).to_array() for name in ("one.png", "two.png"))
    np.testing.assert_array_equal(first, second)


def test_alpha_depth_and_odd_sides_are_kept_or_said(rng, tmp_path, capsys):
    levels = rng.integers(0, 65536, size=(25, 36, 4), dtype=np.uint16)
    Image.from_array(levels).save(tmp_path / "deep.png")
    assert run(["degrade", str(tmp_path / "deep.png"), "-o", str(tmp_path / "lr.png"), "--scale", "4"]) == 0
    lr = read_image(tmp_path / "lr.png")
    assert (lr.size, lr.depth) == ((6, 9), 16)
    assert lr.alpha is not None
    expected = np.clip(subsample(levels[:24] / 65535, scale=4), 0, 1)
    np.testing.assert_allclose(lr.to_array() / 65535, expected, atol=SAVED_PIXELS / 65535)
    assert "36x25 was cropped to 36x24, a multiple of 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-d", "blurry"], "unknown degradation step 'blurry'"),
        (["--scale", "0"], "--scale must be a whole number from 1, got 0"),
        (["--seed", "-1"], "--seed must not be negative"),
        (["--scale", "40"], "36x24 is smaller than one pixel at scale 40"),
    ],
)
def test_mistakes_are_one_line_and_exit_1(hr, tmp_path, capsys, arguments, message):
    base = [] if "--scale" in arguments else ["--scale", "2"]
    assert run(["degrade", str(tmp_path / "hr.png"), "-o", str(tmp_path / "lr.png"), *base, *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "lr.png").exists()


def test_one_bad_file_does_not_stop_the_others(hr, tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"no image")
    inputs = [str(tmp_path / name) for name in ("bad.png", "hr.png")]
    assert run(["degrade", *inputs, "-o", str(tmp_path / "out"), "--scale", "2", "--json"]) == 1
    captured = capsys.readouterr()
    bad, good = json.loads(captured.out)["files"]
    assert bad["error"]
    assert bad["output"] is None
    assert good["error"] is None
    assert "bad.png" in captured.err
