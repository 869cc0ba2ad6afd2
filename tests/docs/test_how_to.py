"""docs/how-to/: the Python of each page runs, in a folder with the files that the pages speak of."""

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import kukkiri
from kukkiri.degradations import Degradation
from kukkiri.images import Image, read_image
from kukkiri.metrics.checkerboard import smooth_probe

PAGES = sorted((Path(__file__).parents[2] / "docs" / "how-to").glob("*.md"))
OF_TORCH = ("adapt", "export", "inspect", "models", "train", "train-conditioned")
"""Pages whose Python needs the torch extra."""
OF_SERVERS = ("serve",)
"""Pages whose Python needs a server; tests/web/api/test_docs.py runs it."""


def read_python(page: Path) -> str:
    """The Python blocks of a page, joined."""
    text = page.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))


def parameters() -> list[object]:
    skipped = [pytest.mark.skip(reason="needs torch")] if find_spec("torch") is None else []
    pages = [page for page in PAGES if read_python(page) and page.stem not in OF_SERVERS]
    return [pytest.param(page, id=page.stem, marks=skipped if page.stem in OF_TORCH else []) for page in pages]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with photographs, test sets and weights."""
    monkeypatch.chdir(tmp_path)
    photo = (255 * smooth_probe(96, channels=3)).round().astype(np.uint8)
    rng = np.random.default_rng(0)
    photo = np.clip(photo + rng.normal(0, 9, photo.shape), 0, 255).astype(np.uint8)
    for name in ("photo.jpg", "photo.png", "lr.png", "Set5/a.png", "Set5/b.png", "Set14/c.png", "my/images/d.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.from_array(photo[:64, :72] if "/" in name else photo).save(name)
    return tmp_path


def make_weights() -> None:
    """The weights that pages load: a SAN, an EDSR as its authors save it, and an ONNX file of luma."""
    import torch

    from kukkiri.checkpoints import describe, export_onnx, save_safetensors
    from kukkiri.networks import NETWORKS

    arguments = {"scale": 2, "groups": 1, "blocks": 1, "width": 16}
    san = NETWORKS["san"](**arguments)
    save_safetensors(san, "san.safetensors", info=describe(san, name="san", arguments=arguments))
    torch.save(NETWORKS["edsr"](scale=4, depth=2, width=8).state_dict(), "edsr_x4.pt")
    espcn = NETWORKS["espcn"](scale=2)
    export_onnx(espcn, "model.onnx", info=describe(espcn, name="model", arguments={"scale": 2}))


def train_conditioned() -> None:
    """The runs of the short recipes, one step each."""
    from kukkiri.training import read_recipe, train

    recipes = Path(__file__).parents[2] / "recipes"
    changes = ("data=my/images", 'validation=""', "steps=1", "batch=1", "patch=8", "basis_kernels=20", "log_every=1")
    for name in ("srmd-x2-short", "sftmd-x2-short", "ikc-x2-short", "denoiser-s"):
        train(read_recipe(recipes / f"{name}.toml", changes))


@pytest.mark.parametrize("page", parameters())
def test_the_python_of_a_page_runs(page: Path, place: Path) -> None:
    lr = read_image("photo.png").to_array()
    names: dict[str, object] = {
        "array": lr[:40, :48],
        "image": kukkiri.Image.from_array(lr[:40, :48]),
        "hr": lr,
        "lr": Degradation.parse("gaussian:2.0+direct").apply(lr, scale=1, seed=0),
        "upscale": lambda part: part.repeat(4, axis=0).repeat(4, axis=1),
    }
    code = read_python(page)
    if page.stem in OF_TORCH:
        make_weights()
    if page.stem == "train-conditioned":
        train_conditioned()
    if page.stem == "video":
        pytest.importorskip("av")
        from tests.cli.test_clips import make_clip

        make_clip(place / "clip.mkv")
    if page.stem == "adapt":  # ten steps on a small image
        Image.from_array(lr[:32, :32]).save("photo.png", overwrite=True)
    code = code.replace("steps=2000", "steps=2, batch=1, patch=8")
    exec(compile(code, page.name, "exec"), names)
