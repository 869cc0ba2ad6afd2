"""The browser's modules against kukkiri, in Node with a stand-in network: colours, bounds, alpha, tiles, sizes."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from kukkiri import Image, Upscaler
from kukkiri.inference.engine import Footprint
from kukkiri.inference.planning import find_output_size
from kukkiri.info import ModelInfo

MODULES = Path(__file__).parents[3] / "src/kukkiri/web/static/browser"
RUNNER = Path(__file__).with_name("upscale_pixels.mjs")
ROUNDING = 2e-6  # float32 sums in another order
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


class StandIn:
    """Nearest neighbours, a stronger contrast and a checkerboard, which bounds and local means must answer."""

    def __init__(self, scale: int, gain: float, checker: float) -> None:
        self.gain, self.checker = gain, checker
        self.info = ModelInfo(name="stand-in", network="none", scale=scale, colour="y", receptive_field=3)
        self.footprint = Footprint(linear=4)

    def run(self, batch: np.ndarray) -> np.ndarray:
        sr = batch.repeat(self.info.scale, axis=2).repeat(self.info.scale, axis=3)
        rows, columns = np.indices(sr.shape[2:])
        pattern = np.where((rows + columns) % 2, self.checker, -self.checker)
        return (0.5 + self.gain * (sr - 0.5) + pattern).astype(np.float32)


def make_colour(height: int, width: int, channels: int = 3) -> np.ndarray:
    """A gradient, a flat block, a one-pixel dither and noise, in levels of 255."""
    rng = np.random.default_rng(5)
    rows, columns = np.indices((height, width))
    colour = np.stack([rows / height, columns / width, (rows + columns) / (height + width)], axis=-1)[..., :channels]
    colour[: height // 3, : width // 2] = 0.4
    colour[height // 2 :, width // 2 :] = ((rows + columns) % 2)[height // 2 :, width // 2 :, None] * 0.9
    colour[height // 2 :, : width // 4] = rng.random((height - height // 2, width // 4, channels))
    return (np.rint(255 * colour) / np.float32(255)).astype(np.float32)


def make_alpha(height: int, width: int) -> np.ndarray:
    alpha = np.clip(np.indices((height, width)).sum(axis=0) / (height + width) * 3 - 1, 0, 1)
    return (np.rint(255 * alpha) / np.float32(255)).astype(np.float32)


def run_in_node(
    image: Image, *, networks: list[dict[str, float]], size: tuple[int, int], folder: Path, ensemble: bool = False
) -> list[np.ndarray]:
    height, width = image.size
    planes = [*np.moveaxis(image.colour, -1, 0), *([] if image.alpha is None else [image.alpha])]
    spec = {
        "height": height,
        "width": width,
        "channels": image.colour.shape[2],
        "alpha": image.alpha is not None,
        "networks": networks,
        "size": {"height": size[0], "width": size[1]},
        "ensemble": ensemble,
    }
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    found = subprocess.run(
        ["node", RUNNER, MODULES, folder / "spec.json"],
        input=np.stack(planes).tobytes(),
        capture_output=True,
        check=False,
    )
    assert not found.returncode, found.stderr.decode()
    return list(np.frombuffer(found.stdout, np.float32).reshape(-1, *size))


def compare(image: Image, *, scale: float, networks: list[dict[str, float]], folder: Path, ensemble: bool = False):
    """Largest difference of the planes that both make."""
    size = find_output_size(image.size, scale)
    engine = StandIn(**networks[0])
    expected = Upscaler(engine, scale=scale, ensemble=ensemble)(image)
    planes = run_in_node(image, networks=networks, size=size, folder=folder, ensemble=ensemble)
    wanted = [*np.moveaxis(expected.colour, -1, 0), *([] if expected.alpha is None else [expected.alpha])]
    assert len(planes) == len(wanted)
    return max(float(np.abs(plane - other).max()) for plane, other in zip(planes, wanted, strict=True))


@needs_node
@pytest.mark.parametrize("scale", [2, 3, 2.5])
def test_colour_bounds_and_local_means_are_those_of_python(scale, tmp_path):
    image = Image(colour=make_colour(61, 83))
    networks = [{"scale": 3 if scale > 2 else 2, "gain": 1.3, "checker": 0.02}]
    assert compare(image, scale=scale, networks=networks, folder=tmp_path) < ROUNDING


@needs_node
def test_alpha_and_the_colours_beside_it_are_those_of_python(tmp_path):
    image = Image(colour=make_colour(37, 45), alpha=make_alpha(37, 45))
    networks = [{"scale": 2, "gain": 1.1, "checker": 0.01}]
    assert compare(image, scale=2, networks=networks, folder=tmp_path) < ROUNDING


@needs_node
def test_grey_stays_one_plane(tmp_path):
    image = Image(colour=make_colour(40, 33, channels=1))
    networks = [{"scale": 2, "gain": 1.2, "checker": 0.03}]
    assert compare(image, scale=2, networks=networks, folder=tmp_path) < ROUNDING


@needs_node
def test_the_self_ensemble_and_two_runs_are_those_of_python(tmp_path):
    image = Image(colour=make_colour(25, 31))
    networks = [{"scale": 2, "gain": 1.1, "checker": 0.01}] * 2
    assert compare(image, scale=3.5, networks=networks, folder=tmp_path, ensemble=True) < ROUNDING


@needs_node
def test_tiles_join_without_a_seam(tmp_path):
    image = Image(colour=make_colour(31, 500, channels=1))
    networks = [{"scale": 2, "gain": 1.0, "checker": 0.0}]
    assert compare(image, scale=2, networks=networks, folder=tmp_path) < ROUNDING


@needs_node
@pytest.mark.parametrize("size", [(20, 31), (47, 50)])
def test_a_smaller_size_is_computed_in_integers_as_in_python(size, tmp_path):
    image = Image(colour=make_colour(61, 83), alpha=make_alpha(61, 83))
    expected = Upscaler("fast", width=size[1], height=size[0], stretch=True)(image)
    planes = run_in_node(image, networks=[], size=size, folder=tmp_path)
    assert max(np.abs(planes[at] - expected.colour[..., at]).max() for at in range(3)) < ROUNDING
    assert np.abs(planes[3] - expected.alpha).max() < ROUNDING
