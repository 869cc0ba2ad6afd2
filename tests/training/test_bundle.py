"""The tools that pack a training for another machine: chosen sub-images, and the script that runs it."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

import kukkiri
from kukkiri.checkpoints import load
from kukkiri.data import LRSet, PairSet, Piece, PreparedFolder, prepare, read_rgb8
from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.profiling.torch_cost import count_multiply_adds
from kukkiri.training.validation import Validation

TOOLS = Path(__file__).parents[2] / "tools"
SCRIPT = TOOLS / "train_bundle.sh"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="train_bundle.sh is for Linux")


@pytest.fixture(scope="module")
def pieces():
    return runpy.run_path(str(TOOLS / "detail_pieces.py"))


def candidates(pieces, details, *, images=4):
    return [
        pieces["Candidate"](Piece(f"p{number}", number % images, 0, 0, 24, 24), detail)
        for number, detail in enumerate(details)
    ]


@pytest.fixture
def photographs(tmp_path, rng):
    folder = tmp_path / "photographs"
    folder.mkdir()
    for name, (height, width) in {"a": (100, 151), "b": (60, 140), "c": (40, 40)}.items():
        coarse = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
        Image.from_array(np.kron(coarse, np.ones((4, 4, 1), np.uint8))[:height, :width]).save(folder / f"{name}.png")
    return folder


def test_the_gradient_of_a_ramp_is_its_slope(pieces):
    ramp = np.repeat(np.arange(0, 60, 3, dtype=np.uint8)[None, :, None], 8, axis=0).repeat(3, axis=2)
    assert pieces["mean_gradient"](ramp) == 3.0
    assert pieces["mean_gradient"](ramp.transpose(1, 0, 2)) == 3.0


def test_the_most_detailed_are_chosen_and_a_share_evenly(pieces):
    lr_set = LRSet(2, "bicubic")
    found = candidates(pieces, [float(2 + number) for number in range(16)], images=16)
    size = found[0].count_bytes(lr_set)
    assert size == 3 * 24 * 24 + 3 * 12 * 12
    chosen = pieces["choose"](found, lr_set=lr_set, limit=6 * size, variety=0.5)
    # half by detail: 17, 16, 15; the others at even distances among the 13 that are left (14, ..., 2)
    assert sorted(c.detail for c in chosen) == [4.0, 8.0, 12.0, 15.0, 16.0, 17.0]
    assert [c.piece.image for c in chosen] == sorted(c.piece.image for c in chosen)
    assert pieces["choose"](found[::-1], lr_set=lr_set, limit=6 * size, variety=0.5) == chosen


def test_one_image_does_not_fill_the_folder(pieces):
    lr_set = LRSet(2, "bicubic")
    found = candidates(pieces, [50.0 if number % 4 == 0 else 5.0 for number in range(40)])
    chosen = pieces["choose"](found, lr_set=lr_set, limit=8 * found[0].count_bytes(lr_set), variety=0.0)
    assert len(chosen) == 8
    assert sum(c.piece.image == 0 for c in chosen) == 4  # twice its share of 8 among 4 images


def test_flat_sub_images_are_never_chosen(pieces):
    lr_set = LRSet(2, "bicubic")
    chosen = pieces["choose"](candidates(pieces, [0.0, 0.5, 9.0]), lr_set=lr_set, limit=10**6, variety=0.5)
    assert [c.detail for c in chosen] == [9.0]
    with pytest.raises(ConfigError, match="flat"):
        pieces["choose"](candidates(pieces, [0.0, 0.5]), lr_set=lr_set, limit=10**6, variety=0.5)
    with pytest.raises(ConfigError, match="Raise --megabytes"):
        pieces["choose"](candidates(pieces, [9.0]), lr_set=lr_set, limit=100, variety=0.5)


def test_packed_sub_images_are_those_of_the_images_and_of_their_lr(pieces, photographs, tmp_path):
    lr_set = LRSet(2, "bicubic+noise:0.02", variants=2)
    found = pieces["find_candidates"](photographs, scale=2, side=48, smallest=48)
    assert {c.piece.name for c in found} == {*(f"a-{y}-{x}" for y in (0, 48) for x in (0, 48, 96)), "b-0-0", "b-0-48"}
    chosen = [c for c in found if c.piece.name in ("a-48-96", "a-0-0", "b-0-48")]
    prepared = pieces["write_pieces"](photographs, tmp_path / "data", chosen, lr_set=lr_set)
    assert prepared.check() == []
    pairs = PairSet.from_folder(tmp_path / "data", scale=2, colour="rgb", degradation="bicubic+noise:0.02", variants=2)
    assert [pair.name for pair in pairs] == ["a-0-0", "a-48-96", "a-0-0", "a-48-96", "b-0-48", "b-0-48"]
    expected = [
        *(("a", 0, variant, top, left) for variant in (0, 1) for top, left in ((0, 0), (48, 96))),
        *(("b", 1, variant, 0, 48) for variant in (0, 1)),
    ]
    for number, (name, place, variant, top, left) in enumerate(expected):
        hr = read_rgb8(photographs / f"{name}.png")
        cut = hr[: hr.shape[0] // 2 * 2, : hr.shape[1] // 2 * 2]
        lr = Degradation.parse("bicubic+noise:0.02").apply(cut, scale=2, seed=(place, variant))
        assert np.array_equal(pairs[number].hr, hr[top : top + 48, left : left + 48])
        assert np.array_equal(pairs[number].lr, lr[top // 2 : top // 2 + 24, left // 2 : left // 2 + 24])


def test_a_prepared_folder_validates_like_its_images(photographs, tmp_path):
    prepare(photographs, tmp_path / "prepared", lr_sets=[LRSet(2, "bicubic+noise:0.02")])
    expected = Validation.from_folder(photographs, scale=2, degradation="bicubic+noise:0.02").pairs
    found = Validation.from_folder(tmp_path / "prepared", scale=2, degradation="bicubic+noise:0.02").pairs
    assert len(found) == len(expected) == 3
    for got, wanted in zip(found, expected, strict=True):
        assert all(map(np.array_equal, got, wanted))


RECIPE = """
name = "tiny-x2"
network = "plain"
scale = 2
batch = 2
patch = 24
threads = 1
device = "cpu"
log_every = 1
arguments = { width = 4, depth = 2 }
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The package as a wheel has it, without the shipped weights."""
    source = Path(kukkiri.__file__).parents[1]
    path = tmp_path_factory.mktemp("wheel") / "kukkiri-0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (source / "kukkiri").rglob("*"):
            if file.is_file() and file.suffix in (".py", ".json", ".html", ".css", ".tsv", ".npz"):
                archive.write(file, file.relative_to(source))
    return path


def pack(*arguments, recipe):
    with mock.patch.object(sys, "path", [str(TOOLS), *sys.path]):
        tool = runpy.run_path(str(TOOLS / "bundle_training.py"))
    with mock.patch.object(sys, "argv", ["bundle_training.py", str(recipe), *map(str, arguments)]):
        tool["main"]()


def call(bundle, *arguments, **variables):
    command = ["sh", str(bundle / "train_bundle.sh"), *map(str, arguments)]
    environment = {**os.environ, "PYTHON": sys.executable, **variables}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@linux_only
@pytest.mark.slow
def test_a_bundle_trains_goes_on_and_ends_with_a_checkpoint(photographs, wheel, tmp_path, capsys):
    (tmp_path / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    folders = ("--data", photographs, "--validation", photographs, "--side", "48", "--wheel", wheel)
    pack(tmp_path / "bundle", "loss=mse", *folders, recipe=tmp_path / "recipe.toml")
    assert "data: 8 of 8 sub-images of 48 pixels, from 2 images" in capsys.readouterr().out
    assert len(PreparedFolder.open(tmp_path / "bundle" / "validation").pieces) == 3

    out = tmp_path / "out" / "tiny-x2"
    first = call(tmp_path / "bundle", tmp_path / "out", "300", "steps=3")
    printed, errors = first.communicate(timeout=280)
    assert first.returncode == 0, errors
    assert "all steps are done" in printed
    summary = json.loads((out / "summary.json").read_text())
    assert summary["step"] == 3
    network = load(out / "weights.safetensors").module  # all its convolutions are at LR size
    convolutions = [m for m in network.modules() if hasattr(m, "kernel_size")]
    by_hand = sum(m.weight.numel() for m in convolutions) * 24 * 24
    assert summary["multiply_adds_per_patch"] == count_multiply_adds(network, channels=1, side=24) == by_hand
    assert summary["tflops"] == pytest.approx(6 * by_hand * summary["patches_per_second"] / 1e12, rel=0.05)
    assert json.loads((out / "recipe.json").read_text())["loss"] == "mse"

    second = call(tmp_path / "bundle", tmp_path / "out", "300", "steps=1000000")
    deadline = time.monotonic() + 200
    while len((out / "log.jsonl").read_text().splitlines()) < 6 and time.monotonic() < deadline:
        time.sleep(0.1)
    second.send_signal(signal.SIGTERM)
    printed, errors = second.communicate(timeout=280)
    assert second.returncode == 143, errors
    summary = json.loads((out / "summary.json").read_text())
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == list(range(1, len(steps) + 1))  # it went on at 4
    assert summary["step"] in (len(steps), len(steps) + 1)  # the signal may come before the last line
    assert summary["step"] >= 6
    assert np.isfinite(summary["psnr"])


@linux_only
def test_the_run_is_asked_to_end_before_the_limit(tmp_path):
    """A stand-in for Python that waits for SIGTERM, as training does, and then takes no time to end."""
    for name in ("train_bundle.sh", "bundle_run.py"):
        (tmp_path / name).write_text((TOOLS / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "kukkiri-0.whl").touch()
    stand_in = tmp_path / "python"
    stand_in.write_text(
        '#!/bin/sh\ncase "$1" in\n*bundle_run.py) ;;\n*) cat >/dev/null </dev/null; exit 0 ;;\nesac\n'
        "trap 'echo asked; exit 143' TERM\nsleep 30 & wait\n"
    )
    stand_in.chmod(0o755)
    began = time.monotonic()
    run = call(tmp_path, tmp_path / "out", "6", PYTHON=str(stand_in))
    printed, _ = run.communicate(timeout=25)
    assert run.returncode == 0
    assert printed.splitlines() == ["asked", "the time is up: call this again to go on"]
    assert 2.5 < time.monotonic() - began < 15


@linux_only
def test_wrong_use_says_how(tmp_path):
    run = call(TOOLS, "out")
    assert "usage" in run.communicate(timeout=20)[1]
    assert run.returncode == 2


def test_what_cannot_be_packed_is_refused(photographs, wheel, tmp_path, capsys):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    for overrides, message in (
        ([], "--data FOLDER"),
        (["--data", photographs, "patch=400"], "smaller than a patch of 800 HR pixels"),
        (["--data", photographs, "scale=5"], "x5 does not divide"),
        (["--data", photographs, "steps=many"], "steps must be int"),
    ):
        with pytest.raises(SystemExit):
            pack(tmp_path / "bundle", *overrides, "--wheel", wheel, recipe=recipe)
        assert message in capsys.readouterr().err
        assert not (tmp_path / "bundle").exists()
    assert not list(tmp_path.glob(".bundle*"))
