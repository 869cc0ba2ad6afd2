import json
import subprocess
import sys

import numpy as np
import pytest

from kukkiri.cli import run
from kukkiri.data import PairSet
from kukkiri.images import Image


@pytest.fixture
def folder(tmp_path, rng):
    (tmp_path / "images").mkdir()
    for name in "ab":
        image = Image.from_array(rng.integers(0, 256, (100, 130, 3), dtype=np.uint8))
        image.save(tmp_path / "images" / f"{name}.png")
    return tmp_path / "images"


@pytest.mark.needs_torch
def test_a_prepared_folder_serves_several_scales_and_trains(folder, tmp_path, capsys):
    made = tmp_path / "made"
    arguments = ["data", "prepare", str(folder), "-o", str(made), "--degradation", "photo", "--variants", "2"]
    assert run([*arguments, "--scale", "2", "4", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["images"], report["pieces"], report["megapixels"], report["failed"]) == (2, 2, 0.026, [])
    assert report["lr"] == [{"scale": scale, "degradation": "photo", "variants": 2} for scale in (2, 4)]
    pairs = PairSet.from_folder(made, scale=4, colour="rgb", degradation="photo", variants=2)
    assert [pair.lr.shape for pair in pairs] == [(25, 32, 3)] * 4
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(
        f'name = "tiny"\nnetwork = "espcn"\nscale = 2\ndata = "{made}"\ndegradation = "photo"\nvariants = 2\n'
        f'output = "{tmp_path / "runs"}"\nsteps = 4\nbatch = 2\npatch = 8\nthreads = 1\n[arguments]\nwidths = [4, 4]\n'
    )
    assert run(["train", str(recipe)]) == 0
    assert run(["train", str(recipe), "name=other", "scale=3"]) == 1
    assert "no LR images for x3 photo, variants 2" in capsys.readouterr().err


def test_an_unreadable_image_is_named_and_the_exit_code_says_so(folder, tmp_path, capsys):
    (folder / "a.png").write_bytes(b"no image")
    assert run(["data", "prepare", str(folder), "-o", str(tmp_path / "made")]) == 1
    printed = capsys.readouterr()
    assert "a.png" in printed.err
    assert "images: 1, pieces: 1" in printed.err
    assert run(["data", "check", str(tmp_path / "made")]) == 0


def test_check_finds_what_changed(folder, tmp_path, capsys):
    made = tmp_path / "made"
    assert run(["data", "prepare", str(folder), "-o", str(made)]) == 0
    data = bytearray((made / "hr.bin").read_bytes())
    data[77] ^= 4
    (made / "hr.bin").write_bytes(data)
    assert run(["data", "check", str(made), "--json"]) == 1
    printed = capsys.readouterr()
    assert "hr.bin: its checksum is not the one" in printed.err
    assert run(["data", "check", str(folder)]) == 1
    assert "is not a prepared folder" in capsys.readouterr().err


def test_preparing_does_not_need_torch(folder, tmp_path):
    code = (
        "import sys\nfrom kukkiri.cli import run\n"
        f"assert run(['data', 'prepare', {str(folder)!r}, '-o', {str(tmp_path / 'made')!r}]) == 0\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
