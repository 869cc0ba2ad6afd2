"""The page in a browser: nothing is fetched, the slider moves, every image is there once."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from kukkiri.errors import ConfigError
from kukkiri.evaluation import evaluate, evaluate_many, find_sets
from kukkiri.images import Image, read_image
from kukkiri.reports import Gallery, build_gallery, write_comparison
from kukkiri.reports.data_uris import data_uri, encode
from kukkiri.reports.page import build_page, write_page
from kukkiri.reports.viewer import ImageBlock, Version, image_block, viewer

MODELS = ["nearest", "bicubic", "lanczos"]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
in_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here")


def browse(path, *arguments, anchor=""):
    """Run Chromium on a page without a screen and return what it prints."""
    profile = path.parent / "profile"
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            "--virtual-time-budget=3000",
            *arguments,
            f"{path.as_uri()}{anchor}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


class Tags(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def all(self, tag, **attributes):
        names = {name.replace("_", "-").strip("-"): value for name, value in attributes.items()}
        return [attributes for kind, attributes in self.found if kind == tag and names.items() <= attributes.items()]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "Two & more"
    folder.mkdir()
    rng = np.random.default_rng(5)
    for name, (height, width) in {"leaf": (90, 120), "a'b": (120, 96)}.items():
        coarse = rng.integers(0, 256, (height // 6, width // 6, 3)).astype(np.uint8)
        Image.from_array(np.kron(coarse, np.ones((6, 6, 1), np.uint8))).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def evaluations(data):
    return evaluate_many(MODELS, data=data, scales=[3], metrics=["lr-psnr"], threads=1)


@pytest.fixture(scope="module")
def page(data, evaluations, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report" / "index.html"
    gallery = build_gallery(evaluations, sets=find_sets(data), threads=1)
    write_comparison(path, evaluations, gallery=gallery)
    return path


def test_the_page_contains_everything_and_may_fetch_nothing(page):
    html = page.read_text(encoding="utf-8")
    tags = Tags(html)
    assert not tags.all("link")
    assert not [script for script in tags.all("script") if "src" in script]
    sources = [attributes["src"] for _, attributes in tags.found if "src" in attributes]
    assert sources
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert "@import" not in html
    assert "url(" not in html
    policy = tags.all("meta", http_equiv="Content-Security-Policy")[0]["content"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_every_image_has_a_text_and_is_there_once(page):
    tags = Tags(page.read_text(encoding="utf-8"))
    assert all("alt" in image for image in tags.all("img"))
    tiles = [tile["src"] for tile in tags.all("img", draggable="false")]
    crops = [figure for figure in tags.all("figure") if "data-label" in figure]
    assert [crop["data-label"] for crop in crops[:4]] == ["HR", *MODELS]
    assert len(crops) == len(tiles) == len(set(tiles)) == 8


def test_the_page_names_its_settings(page):
    html = page.read_text(encoding="utf-8")
    assert "<b>y-matlab</b>" in html
    assert "<b>×3</b>" in html
    assert "Two &amp; more (2 images)" in html
    assert "Published scores" not in html  # not one of the sets with published rows


def test_the_gallery_shows_the_images_and_the_worst_case_of_each_model(data, evaluations):
    gallery = build_gallery(evaluations, sets=find_sets(data), count=1, threads=1)
    scores = [evaluation.sets["Two & more"].images for evaluation in evaluations]
    spread = {name: np.ptp([images[name].psnr for images in scores]) for name in scores[0]}
    assert [shown.key[1] for shown in gallery.shown] == [max(spread, key=spread.get)]
    assert [case.model for case in gallery.worst] == [0, 1, 2]
    for case, images in zip(gallery.worst, scores, strict=True):
        assert case.score.psnr == min(score.psnr for score in images.values())


def test_an_image_in_the_page_is_the_output_of_the_model(data, evaluations, tmp_path):
    from kukkiri.degradations import Degradation
    from kukkiri.inference import Upscaler

    gallery = build_gallery(evaluations, sets=find_sets(data), threads=1)
    leaf = next(shown for shown in gallery.shown if shown.key[1] == "leaf")
    (tmp_path / "sr.webp").write_bytes(leaf.images[2])
    hr = read_image(data / "leaf.png").to_array()
    lr = Degradation.parse("bicubic").apply(hr, scale=3, seed=0)
    assert np.array_equal(read_image(tmp_path / "sr.webp").to_array(), Upscaler("bicubic", scale=3)(lr))


def test_images_beyond_the_budget_are_cut_around_their_crop(tmp_path, monkeypatch):
    monkeypatch.setattr("kukkiri.reports.gallery._PART", 60)
    noise = np.random.default_rng(1).integers(0, 256, (120, 150, 3)).astype(np.uint8)
    Image.from_array(noise).save(tmp_path / "noise.png")
    found = [evaluate("bicubic", data=tmp_path, scale=2, threads=1)]
    shown = build_gallery(found, sets=find_sets(tmp_path), budget=1000, threads=1).shown[0]
    top, left, height, width = shown.part
    assert (height, width) == (60, 60)
    (tmp_path / "hr.webp").write_bytes(shown.images[0])
    part = read_image(tmp_path / "hr.webp").to_array()
    assert np.array_equal(part, noise[top : top + 60, left : left + 60])


def test_an_existing_page_is_kept_unless_allowed(page, evaluations):
    before = page.read_bytes()
    with pytest.raises(ConfigError, match="exists already"):
        write_comparison(page, evaluations, gallery=Gallery((), ()))
    assert page.read_bytes() == before


def test_evaluations_of_different_images_are_refused(evaluations, data, tmp_path):
    other = evaluate("bicubic", data=data, scale=2, threads=1)
    with pytest.raises(ValueError, match="same images"):
        write_comparison(tmp_path / "a.html", [evaluations[0], other], gallery=Gallery((), ()))


@in_browser
def test_scripts_run_and_the_view_comes_from_the_address(page):
    anchor = "#image=leaf&left=lanczos&right=HR&position=25&zoom=2"
    tags = Tags(browse(page, "--dump-dom", anchor=anchor))
    slider = tags.all("img-comparison-slider")[0]
    assert slider["class"] == "rendered"
    assert slider["role"] == "slider"
    assert slider["aria-valuenow"] == "25"
    assert re.fullmatch(r"leaf: lanczos · [\d.]+ dB on the left, HR · original on the right", slider["aria-label"])
    left, right = (tags.all("img", data_side=side)[0] for side in ("left", "right"))
    assert left["alt"] == "leaf: lanczos"
    assert left["src"].startswith("data:image/webp")
    assert left["src"] != right["src"]
    pressed = [button for button in tags.all("button", aria_pressed="true") if button.get("value") == "2"]
    assert len(pressed) == 1
    assert "--shown-width: 240px" in tags.all("div", _class="pane sharp")[0]["style"]


@in_browser
@pytest.mark.parametrize("position", [25, 80])
def test_the_slider_shows_the_left_image_up_to_its_position(tmp_path, position):
    red, blue = (np.full((200, 300, 3), colour, np.uint8) for colour in ((220, 0, 0), (0, 0, 220)))
    versions = (Version("before", encode(red)), Version("after", encode(blue)))
    block = ImageBlock("flag", (200, 300), (100, 150), versions)
    body = viewer([block], left="before", right="after", note="") + image_block(block)
    path = tmp_path / "page.html"
    write_page(path, build_page(title="Flag", setup="", body=body, footer=""))
    shot = tmp_path / "shot.png"
    browse(path, f"--screenshot={shot}", "--window-size=900,700", anchor=f"#position={position}&zoom=1")
    pixels = read_image(shot).to_array()[..., :3].astype(int)
    is_red = (pixels[..., 0] > 180) & (pixels[..., 2] < 60)
    is_blue = (pixels[..., 2] > 180) & (pixels[..., 0] < 60)
    row = max(np.flatnonzero((is_red | is_blue).sum(axis=1) >= 280), key=lambda y: -y) + 20  # below the chips' top
    line_red, line_blue = np.flatnonzero(is_red[row]), np.flatnonzero(is_blue[row])
    width = line_blue.max() - line_red.min() + 1
    assert width == pytest.approx(300, abs=2)
    assert line_red.max() < line_blue.min()  # red is left of the line, blue right
    assert 100 * (line_blue.min() - line_red.min()) / width == pytest.approx(position, abs=1.5)


def test_an_image_becomes_text_without_loss(tmp_path, rng):
    import base64

    pixels = rng.integers(0, 256, (9, 7, 3)).astype(np.uint8)
    text = data_uri(encode(pixels))
    (tmp_path / "a.webp").write_bytes(base64.b64decode(text.partition(",")[2]))
    assert np.array_equal(read_image(tmp_path / "a.webp").to_array(), pixels)
