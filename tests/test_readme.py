"""Commands and snippets of the README run as they stand."""

import contextlib
import re
import shlex
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from cyclopts import MissingArgumentError

from kukkiri.cli import app, run
from kukkiri.images import Image, read_image

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path, monkeypatch, rng):
    """A working directory with the files that the README speaks of."""
    monkeypatch.chdir(tmp_path)
    image = Image.from_array(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8))
    image.save("photo.jpg")
    image.save("beach.png")
    Image.from_array(rng.integers(0, 256, (70, 80, 3), dtype=np.uint8)).save("soft.png")
    Path("photos/below").mkdir(parents=True)
    image.save("photos/one.png")
    image.save("photos/below/two.png")
    Image.from_array(rng.integers(0, 65536, (20, 24), dtype=np.uint16)).save("scan.tif")
    frames = [PIL.Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)) for _ in range(3)]
    for name in ("dance.gif", "pages.tif"):
        frames[0].save(name, save_all=True, append_images=frames[1:])
    with zipfile.ZipFile("comic.cbz", "w") as comic:
        comic.write("beach.png", "001.png")
    return tmp_path


def write_clip(path, rng):
    """Two frames in MKV."""
    av = pytest.importorskip("av", reason="needs the extra video")
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for _ in range(2):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (32, 48, 3), dtype=np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_of_the_readme_runs(place, rng):
    (code,) = blocks("python")
    names = {"array": rng.integers(0, 65536, (9, 11, 3), dtype=np.uint16)}
    exec(compile(code, "README.md", "exec"), names)
    assert read_image("upscaled.png").size == (40, 48)
    assert names["image"].size == (60, 72)
    assert (names["sr"].shape, names["sr"].dtype) == ((27, 33, 3), np.uint16)


def test_the_clip_of_the_readme_is_upscaled(place, rng):
    write_clip("clip.mkv", rng)
    (line,) = (line for line in upscale_commands() if "clip.mkv" in line)
    assert run(shlex.split(line, comments=True)[1:]) == 0
    assert Path("larger.mkv").stat().st_size > 0


def upscale_commands():
    return [line for block in blocks("sh") for line in block.splitlines() if line.startswith("kukkiri upscale")]


def test_the_upscale_commands_of_the_readme_run(place):
    lines = [line for line in upscale_commands() if "clip.mkv" not in line]
    assert len(lines) == 8
    for line in lines:
        assert run(shlex.split(line, comments=True)[1:]) == 0, line
    written = {str(path.relative_to(place)) for path in place.rglob("*.png")}
    assert {
        "photo-x2.png",
        "upscaled/one.png",
        "upscaled/below/two.png",
        "scan.png",
        "beach-x2.png",
        "photo-x4.png",
    } <= written
    assert {"comic-x2.cbz", "dance-x2.gif", "pages-x2.tif"} <= {path.name for path in place.iterdir()}
    (fitted,) = (path for path in place.glob("photo-*.png") if path.name not in ("photo-x2.png", "photo-x4.png"))
    assert read_image(fitted).size == (2160, 2592)


def test_every_link_of_the_readme_leads_somewhere():
    root = Path(__file__).parents[1]
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        here = target.removeprefix("https://raw.githubusercontent.com/kukkiri/kukkiri/main/")
        assert here.startswith("http") or (root / here).exists(), target


def test_images_of_the_readme_are_shown_on_other_sites_too():
    for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert target.startswith("https://"), target


def test_every_link_between_the_docs_leads_somewhere():
    root = Path(__file__).parents[1] / "docs"
    for page in root.rglob("*.md"):
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\[[^\]`]+\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def command_lines():
    """Every command of kukkiri in the README and the docs, in a block or in a sentence."""
    root = Path(__file__).parents[1]
    for page in (root / "README.md", *sorted((root / "docs").rglob("*.md"))):
        text = page.read_text(encoding="utf-8").replace("\\\n", " ").replace("\\|", "|")
        blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
        lines = [line for block in blocks for line in block.splitlines()]
        lines += re.findall(r"`(kukkiri [^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        for line in lines:
            match = re.match(r"\s*(?:\$ |-? ?run: )?(?:\S+/bin/)?kukkiri (.*)", line)
            if match and not {"COMMAND", "...", "[OPTIONS]"} & set(match[1].split()) and page.name != "cli.md":
                yield pytest.param(match[1], id=f"{page.name}: {match[1][:60]}")


@pytest.mark.parametrize("line", list(command_lines()))
def test_every_command_of_the_readme_and_the_docs_exists_with_its_options(line):
    tokens = [{"N": "2", "INT": "2"}.get(token, token) for token in shlex.split(line, comments=True)]
    with contextlib.suppress(MissingArgumentError):  # a sentence may name a command without its arguments
        app.parse_args(tokens, exit_on_error=False, print_error=False)
