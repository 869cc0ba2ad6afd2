"""The blind comparison: what is on the page, and what its answers mean, also in a browser."""

import json
import shutil

import numpy as np
import pytest

from kukkiri.cli.compare import compare
from kukkiri.errors import ConfigError
from kukkiri.evaluation import evaluate_many, find_sets
from kukkiri.evaluation.preferences import read_preferences
from kukkiri.images import Image
from kukkiri.reports import build_blind_crops, write_blind_page

MODELS = ["nearest", "bicubic", "lanczos"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blind")
    data = folder / "A & <B>"
    data.mkdir()
    rng = np.random.default_rng(3)
    for name, shape in {"wide": (128, 300), "small": (60, 72)}.items():
        Image.from_array(rng.integers(0, 256, (*shape, 3)).astype(np.uint8)).save(data / f"{name}.png")
    sets = find_sets(data)
    evaluations = evaluate_many(MODELS, data=sets, scales=[2], threads=1)
    crops = build_blind_crops(evaluations, sets=sets, threads=1)
    path = folder / "blind.html"
    assert write_blind_page(path, evaluations, crops) == 3 * len(crops)
    return path, crops


def read_data(path):
    html = path.read_text(encoding="utf-8")
    begin = html.index('id="blind-data">') + len('id="blind-data">')
    return html, json.loads(html[begin : html.index("</script>", begin)])


def test_crops_do_not_overlap_and_every_pair_is_asked_once(page):
    path, crops = page
    html, data = read_data(path)
    wide = sorted(crop.place[1] for crop in crops if crop.key[1] == "wide")
    assert len(wide) == 2
    assert wide[1] - wide[0] >= 128
    assert [crop.side for crop in crops if crop.key[1] == "small"] == [60]
    asked = sorted((trial["crop"], *trial["pair"]) for trial in data["trials"])
    assert asked == [(crop, a, b) for crop in range(3) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert data["models"] == MODELS
    assert data["crops"][0]["image"].startswith("A & <B>/")
    assert "default-src 'none'" in html
    assert "src=" not in html  # the images are in the data


def test_models_that_agree_leave_nothing_to_choose(page, tmp_path):
    sets = find_sets(page[0].parent / "A & <B>")
    evaluations = evaluate_many(["bicubic", "nearest"], data=sets, scales=[1], threads=1)
    crops = build_blind_crops(evaluations, sets=sets, threads=1)
    with pytest.raises(ConfigError, match="give the same images"):
        write_blind_page(tmp_path / "a.html", evaluations, crops)
    with pytest.raises(ConfigError, match="takes two to 4 models, got 1"):
        build_blind_crops(evaluations[:1], sets=sets)


def test_in_a_browser_a_choice_is_of_the_model_that_was_seen(page, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium here")
    images = {uri: number for crop in read_data(page[0])[1]["crops"] for number, uri in enumerate(crop["images"])}
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            tab = browser.new_page(viewport={"width": 390, "height": 800})
            requests, problems = [], []
            tab.on("request", lambda request: requests.append(request.url))
            tab.on("pageerror", lambda error: problems.append(str(error)))
            tab.goto(page[0].as_uri())
            seen = [answer_for_the_later_model(tab, images) for _ in range(4)]
            tab.keyboard.press("ArrowDown")
            tab.keyboard.press("Backspace")
            tab.reload()  # the answers are kept
            seen += [answer_for_the_later_model(tab, images) for _ in range(4)]
            tab.keyboard.press("ArrowDown")
            assert tab.evaluate("document.documentElement.scrollWidth") == 390
            row = tab.locator(".found tbody tr").first.inner_text().split("\t")
            with tab.expect_download() as download:
                tab.click("[data-export]")
            download.value.save_as(tmp_path / "answers.json")
        finally:
            browser.close()
    assert not problems
    assert {url for url in requests if not url.startswith(("data:", "blob:"))} == {page[0].as_uri()}
    exported = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    assert [answer["choice"] for answer in exported["answers"]] == [*seen, None]
    found = read_preferences([tmp_path / "answers.json"])
    assert sum(each.wins[1] for each in found) == 8
    assert sum(each.wins[0] for each in found) == 0
    assert sum(each.undecided for each in found) == 1
    low, high = found[0].interval
    assert row[:4] == ["nearest : bicubic", "0", str(found[0].wins[1]), str(found[0].undecided)]
    assert row[4] == f"0 % ({100 * low:.0f} % to {100 * high:.0f} %)"


def answer_for_the_later_model(tab, images):
    """Choose the side that shows the model that comes later in the list; return its number."""
    left, right = (images[tab.get_attribute(f"img.{side}", "src")] for side in ("left", "right"))
    tab.keyboard.press("ArrowLeft" if left > right else "ArrowRight")
    return max(left, right)


def test_the_command_writes_the_page_and_reads_the_answers(page, tmp_path, capsys, monkeypatch):
    from kukkiri.cli.scoring import TestSetOptions

    monkeypatch.setenv("KUKKIRI_CACHE", str(tmp_path / "cache"))
    sets = TestSetOptions(data=(page[0].parent / "A & <B>",))
    compare(("nearest", "bicubic"), scale=2, sets=sets, blind=True, output=tmp_path / "b", threads=1, json=True)
    assert json.loads(capsys.readouterr().out)["pairs"] == 3
    _, data = read_data(tmp_path / "b" / "index.html")
    exported = {"kukkiri_blind": 1, "id": data["id"], "models": data["models"]}
    answers = [{"pair": [0, 1], "choice": choice} for choice in [1] * 9 + [0, None]]
    (tmp_path / "a.json").write_text(json.dumps({**exported, "answers": answers}), encoding="utf-8")
    compare(blind_results=(tmp_path / "a.json",))
    printed = capsys.readouterr().out.strip()
    assert printed == "nearest 1, bicubic 9, no difference 1; nearest 10% (2% to 40%); preferred: bicubic"
