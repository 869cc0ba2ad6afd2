"""``tensorboard = true``: TensorBoard's own reader finds the values of ``log.jsonl``."""

import json
import math

import numpy as np
import pytest

from kukkiri.images import Image
from kukkiri.training import Recipe, ValidationSet, train

# not part of the dev extra: with grpcio and its data server it is 20 MB, for this test alone
pytest.importorskip("tensorboard", reason="needs the extra tensorboard")


@pytest.fixture
def images(tmp_path, rng):
    for folder in ("train", "photographs", "drawings"):
        (tmp_path / folder).mkdir()
        coarse = rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)
        Image.from_array(np.kron(coarse, np.ones((8, 8, 1), np.uint8))).save(tmp_path / folder / "a.png")
    return tmp_path


@pytest.mark.filterwarnings("ignore")  # TensorBoard's own
def test_scalars_are_the_values_of_the_log(images):
    recipe = Recipe(
        name="tiny",
        network="plain",
        scale=2,
        arguments={"width": 4, "depth": 2},
        data=str(images / "train"),
        validation_sets={name: ValidationSet(folder=str(images / name)) for name in ("photographs", "drawings")},
        loss={"l1": 1.0, "mse": 0.5},
        output=str(images / "runs"),
        steps=6,
        batch=2,
        patch=8,
        log_every=2,
        validate_every=4,
        device="cpu",
        tensorboard=True,
    )
    train(recipe)
    log = (recipe.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    lines = {line["step"]: line for line in map(json.loads, log)}
    assert sorted(lines) == [2, 4, 6]
    scalars = read_scalars(recipe.folder / "tensorboard")
    for name in ("loss", "learning_rate", "gradient_norm", "patches_per_second"):
        # TensorBoard keeps float32
        assert scalars[name] == {step: pytest.approx(line[name], rel=1e-6) for step, line in lines.items()}, name
    for name in ("l1", "mse"):
        assert scalars[f"losses/{name}"] == {
            step: pytest.approx(line["losses"][name], rel=1e-6) for step, line in lines.items()
        }
    for name in ("photographs", "drawings"):
        assert scalars[f"psnr/{name}"] == {
            step: pytest.approx(lines[step]["scores"][name], rel=1e-6) for step in (4, 6)
        }
    assert scalars["psnr"] == {step: pytest.approx(lines[step]["psnr"], rel=1e-6) for step in (4, 6)}
    assert all(math.isfinite(value) for points in scalars.values() for value in points.values())


def read_scalars(folder):
    """Read {name: {step: value}} with the reader of TensorBoard's server."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {
        name: {event.step: event.value for event in accumulator.Scalars(name)} for name in accumulator.Tags()["scalars"]
    }
