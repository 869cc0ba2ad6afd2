"""``kukkiri upscale --device``, ``--precision`` and ``--ensemble N``."""

import numpy as np
import onnxruntime
import pytest

from kukkiri import Upscaler
from kukkiri.cli import run
from kukkiri.images import Image, read_image


@pytest.fixture
def image(tmp_path, rng):
    path = tmp_path / "in.png"
    Image.from_array(rng.integers(0, 256, (12, 14, 3), dtype=np.uint8)).save(path)
    return path


def test_a_device_that_is_not_there_is_one_line_and_no_file(image, capsys, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    target = image.with_name("out.png")
    assert run(["upscale", str(image), "-o", str(target), "--device", "cuda", "--quiet"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no CUDAExecutionProvider here" in line
    assert "pip install onnxruntime-gpu" in line
    assert not target.exists()


@pytest.mark.parametrize(("given", "runs"), [(["--ensemble", "2"], 2), (["--ensemble"], True)])
def test_the_number_of_runs_is_given_on_the_command_line(image, given, runs):
    target = image.with_name("out.png")
    arguments = ["upscale", str(image), "-o", str(target), "--model", "plain-xs-x2", "--threads", "1", "--quiet"]
    assert run([*arguments, *given]) == 0
    expected = Upscaler("plain-xs-x2", threads=1, ensemble=runs)(image)
    assert np.array_equal(read_image(target).to_array(), expected.to_array())


@pytest.mark.parametrize("given", [["--ensemble", "3"], ["--precision", "int8"]])
def test_other_values_are_wrong_usage(image, given, capsys):
    assert run(["upscale", str(image), *given]) == 2
    assert given[1] in capsys.readouterr().err
