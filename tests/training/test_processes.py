import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from kukkiri.checkpoints import load
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.training import Recipe, train
from kukkiri.training.processes import World

SCRIPT = Path(__file__).with_name("two_processes.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    generator = np.random.default_rng(7)
    (folder / "images").mkdir()
    for name in "abc":
        noise = generator.random((73, 73, 3), dtype=np.float32)  # no gradient is so small that its sign is rounding
        smooth = (noise[1:, 1:] + noise[:-1, 1:] + noise[1:, :-1] + noise[:-1, :-1]) / 4
        Image.from_array(smooth).save(folder / "images" / f"{name}.tif")
    return folder


def recipes(folder):
    common = {
        "scale": 2, "data": str(folder / "images"), "validation": str(folder / "images"), "warmup": 2, "steps": 20,
        "log_every": 10, "validate_every": 10, "checkpoint_every": 5, "ema": 0.9, "threads": 1,
    }  # fmt: skip
    plain = {"network": "plain", "arguments": {"width": 6, "depth": 2}, "centre": 0.45, "patch": 10}
    meta = {
        "network": "contextplain", "arguments": {"width": 6, "depth": 2}, "support": "downscaled", "inner_steps": 2,
        "learn_rates": True, "tasks": 3, "batch": 1, "patch": 8, "validation_side": 24, "kernel_size": 7,
        "largest_variance": 1.0, "smallest_variance": 0.2, "validation_images": 1,
    }  # fmt: skip
    gan = {
        "batch": 5, "patch": 8, "discriminator": "unet", "discriminator_arguments": {"width": 2}, "d_steps": 2,
        "adversarial_loss": "vanilla", "adversarial_weight": 0.1,
    }  # fmt: skip
    return {
        "gan": {"kind": "adversarial", "name": "gan", **common, **plain, **gan},
        "adam": {"kind": "supervised", "name": "adam", **common, **plain, "batch": 5, "accumulate": 2},
        "soap": {"kind": "supervised", "name": "soap", **common, **plain, "batch": 5, "optimizer": "soap", "clip": 0.1},
        "meta": {"kind": "meta", "name": "meta", **common, **meta},
    }


def find_free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])


def run_script(folder, processes):
    variables = {
        **os.environ,
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": find_free_port(),
    }
    children = [
        subprocess.Popen(
            [sys.executable, SCRIPT, folder], env={**variables, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE, text=True,
        )
        for rank in range(processes)
    ]  # fmt: skip
    try:
        for child in children:
            _, errors = child.communicate(timeout=900)
            assert child.returncode == 0, errors
    finally:
        for child in children:
            child.kill()
            child.communicate()


@pytest.fixture(scope="module")
def trained(folder):
    """The gradients and the runs of one process and of two."""
    (folder / "recipes.json").write_text(json.dumps(recipes(folder)))
    for processes in (1, 2):
        run_script(folder, processes)
    return folder


def weights(folder, processes, name):
    return load(folder / f"runs-{processes}" / name / "weights.safetensors").module.state_dict()


@pytest.mark.parametrize("name", ["adam", "soap", "meta", "gan"])
def test_the_gradients_of_two_processes_are_those_of_one(trained, name):
    one, two = (torch.load(trained / f"gradients-{size}.pt", weights_only=True)[name] for size in (1, 2))
    assert set(one) == set(two)
    assert len(one) > 4
    for key, value in one.items():
        rounding = 1e-4 if key.startswith("discriminator.") else 1e-5  # real and fake cancel there, to a hundredth
        assert (two[key] - value).abs().max() <= rounding * value.abs().max() + 1e-12, key


@pytest.mark.parametrize("name", ["adam", "meta", "gan"])
def test_twenty_steps_of_two_processes_end_where_those_of_one_do(trained, name):
    one, two = (weights(trained, size, name) for size in (1, 2))
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=0, atol=1e-5 * float(value.abs().max()))


def test_twenty_steps_of_soap_end_with_the_same_loss(trained):
    """Not the same weights: eigenvectors of nearly equal eigenvalues turn with rounding."""
    one, two = (
        json.loads((trained / f"runs-{size}" / "soap" / "log.jsonl").read_text().splitlines()[-1]) for size in (1, 2)
    )
    assert two["loss"] == pytest.approx(one["loss"], rel=0.01)
    assert two["psnr"] == pytest.approx(one["psnr"], abs=0.1)


@pytest.mark.parametrize("name", ["adam", "soap", "meta", "gan"])
@pytest.mark.parametrize("processes", [1, 2])
def test_a_stopped_run_resumes_to_the_same_bits_with_as_many_processes(trained, name, processes):
    whole, resumed = (weights(trained, processes, run) for run in (name, f"{name}-resumed"))
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_another_number_of_processes_resumes_to_rounding(trained):
    checkpoint = trained / "runs-2" / "adam" / "checkpoint.pt"
    values = {**recipes(trained)["adam"], "output": str(trained / "runs-1"), "steps": 24, "name": "fewer"}
    del values["kind"]
    (trained / "runs-1" / "fewer").mkdir()
    (trained / "runs-1" / "fewer" / "checkpoint.pt").write_bytes(checkpoint.read_bytes())
    fewer = load(train(Recipe(**values), resume=True)).module.state_dict()
    same = load(train(Recipe(**{**values, "name": "adam"}), resume=True)).module.state_dict()
    for key, value in same.items():
        torch.testing.assert_close(fewer[key], value, rtol=0, atol=1e-5 * float(value.abs().max()))


@pytest.fixture
def toml(folder, tmp_path):
    values = {**recipes(folder)["adam"], "steps": 100_000, "log_every": 20, "output": str(tmp_path / "runs")}
    arguments = values.pop("arguments")
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    lines += ["[arguments]", *(f"{key} = {value}" for key, value in arguments.items())]
    path = tmp_path / "recipe.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 1), (signal.SIGTERM, 143)])
def test_a_lost_process_ends_the_run_with_one_line_and_a_signal_with_a_checkpoint(toml, number, code):
    command = [sys.executable, "-m", "kukkiri", "train", str(toml), "--processes", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as launcher:
        for line in launcher.stderr:
            if line.startswith("40/"):
                break
        if number == signal.SIGKILL:
            tasks = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children")
            os.kill(int(tasks.read_text().split()[1]), number)
        else:
            launcher.send_signal(number)
        errors = [line for line in launcher.stderr if not line[0].isdigit()]
    assert launcher.returncode == code
    if number == signal.SIGKILL:
        (line,) = errors
        assert line.startswith(
            "kukkiri: process 1 of 2 was killed by SIGKILL, which ended the run. The last checkpoint"
        )
    else:
        assert "--resume goes on from there" in errors[0]
        assert len(errors) == 2  # and that the command was interrupted
    checkpoint = torch.load(toml.parent / "runs" / "adam" / "checkpoint.pt", weights_only=True)
    assert checkpoint["step"] >= 40


@pytest.mark.parametrize(
    "variables",
    [{"RANK": "2", "WORLD_SIZE": "2"}, {"RANK": "x", "WORLD_SIZE": "2"}, {"WORLD_SIZE": "0"}],
)
def test_variables_that_make_no_sense_are_refused(variables):
    with pytest.raises(ConfigError, match="Start with torchrun"):
        World.from_environment(variables)


def test_without_variables_there_is_one_process():
    assert World.from_environment({}) == World(0, 1, 0)
    assert World.from_environment({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}) == World(3, 4, 1)


def test_a_batch_that_cannot_be_divided_is_refused(folder):
    values = {**recipes(folder)["adam"], "batch": 3}
    del values["kind"]
    with pytest.raises(ConfigError, match="a batch of 1 patches cannot be divided among 1 processes and 2 parts"):
        train(Recipe(**{**values, "batch": 1, "output": str(folder / "never")}))
