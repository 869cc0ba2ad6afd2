"""The page in Chromium, against a server that follows the contract."""

import base64
import io
import zipfile
from typing import Any

import pytest

from tests.web.page.fake_server import LIMITS, Behaviour

pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
from playwright.sync_api import expect

DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
  return transfer;
}"""


def choose(page: Any, *files: tuple[str, bytes], kind: str = "image/png") -> None:
    page.set_input_files("#files", [{"name": name, "mimeType": kind, "buffer": content} for name, content in files])
    expect(page.locator(".row-item").nth(len(files) - 1)).to_be_visible()


def upscale(page: Any, photo: bytes, name: str = "cat.png") -> None:
    choose(page, (name, photo))
    page.click("#run")
    expect(page.locator("[data-state=done]")).to_have_count(1)


def split(page: Any) -> int:
    return int(page.locator(".handle").get_attribute("aria-valuenow"))


def test_dropped_image_shows_tiles_then_before_and_after(open_page, server, photo, tmp_path):
    server.behaviour = Behaviour(notes=("flat regions were interpolated",))
    server.behaviour.held.clear()
    page = open_page()
    transfer = page.evaluate_handle(DROP, ["cat.png", base64.b64encode(photo).decode()])
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    expect(page.locator("#size-now")).to_have_text("60 × 40 → 120 × 80 px")
    page.click("#run")
    expect(page.locator(".state")).to_have_text("Tile 1 of 4")
    assert page.locator("#list progress").evaluate("bar => bar.value") == 0.25
    assert page.locator("#now progress").evaluate("bar => bar.value") == 0.25  # below the image, too
    expect(page.locator("#now .words")).to_have_text("Tile 1 of 4")
    expect(page.locator("#now button")).to_be_focused()
    expect(page.locator("#viewer")).to_be_in_viewport()
    server.behaviour.held.set()
    expect(page.locator(".state")).to_have_text("Done")
    expect(page.locator("#now")).to_be_hidden()
    expect(page.locator("#facts button")).to_be_focused()
    expect(page.locator("#live")).to_have_text("cat.png is done: 120 × 80 pixels.")
    expect(page.locator(".numbers")).to_contain_text("60 × 40 → 120 × 80 px")
    expect(page.locator(".notes li")).to_have_text("Flat regions were interpolated.")
    assert page.locator(".kept li").all_text_contents() == ["Colour profile kept", "EXIF kept", "8 bits kept"]
    assert page.locator(".pane.after img").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [120, 80]
    page.locator(".grip").hover()
    grip = page.locator(".grip").bounding_box()
    page.mouse.down()
    page.mouse.move(grip["x"] + grip["width"] / 2 + 80, grip["y"] + 10)
    page.mouse.up()
    assert 55 < split(page) < 75
    with page.expect_download() as waiting:
        page.click("#facts button")
    waiting.value.save_as(tmp_path / "result.png")
    assert waiting.value.suggested_filename == "cat-x2.png"
    assert (tmp_path / "result.png").read_bytes() == server.files["job0"][1]


def test_polling_takes_over_where_events_are_refused(open_page, server, photo):
    server.behaviour = Behaviour(streams=False)
    page = open_page()
    upscale(page, photo)
    assert ("GET", "/v1/jobs/job0") in server.behaviour.requests


def test_cancelled_job_is_cancelled_on_the_server_and_can_be_tried_again(open_page, server, photo):
    server.behaviour.held.clear()
    page = open_page()
    choose(page, ("cat.png", photo))
    page.click("#run")
    expect(page.locator(".state")).to_have_text("Tile 1 of 4")
    page.get_by_role("button", name="Cancel cat.png").click()
    expect(page.locator(".state")).to_have_text("Cancelled")
    page.wait_for_timeout(50)
    assert server.jobs["job0"]["state"] == "cancelled"
    server.behaviour.held.set()
    page.get_by_role("button", name="Try cat.png again").click()
    expect(page.locator(".state")).to_have_text("Done")


def test_zip_holds_every_result_under_a_name_of_its_own(open_page, server, photo, tmp_path):
    page = open_page()
    choose(page, ("cat.png", photo), ("猫.png", photo), ("cat.png", photo))
    expect(page.locator("#run")).to_have_text("Upscale 3 images")
    page.click("#run")
    expect(page.locator("[data-state=done]")).to_have_count(3)
    with page.expect_download() as waiting:
        page.click("#zip")
    waiting.value.save_as(tmp_path / "results.zip")
    with zipfile.ZipFile(tmp_path / "results.zip") as archive:
        assert archive.namelist() == ["cat-x2.png", "猫-x2.png", "cat-x2-2.png"]
        assert archive.testzip() is None
        assert archive.read("猫-x2.png") == server.files["job1"][1]


def test_error_of_the_server_stands_in_words_at_its_image(open_page, server, photo):
    server.behaviour.refuse = {
        "what": "the image is damaged",
        "got": "200 of 40 rows",
        "expected": "40 rows",
        "remedy": "Save it anew.",
    }
    page = open_page()
    choose(page, ("cat.png", photo))
    page.click("#run")
    problem = page.locator("#facts .problem")
    expect(problem.locator("strong")).to_have_text("the image is damaged")
    assert problem.locator("dd").all_inner_texts() == ["200 of 40 rows", "40 rows", "Save it anew."]
    expect(page.locator("#live")).to_have_text("cat.png failed: the image is damaged")


@pytest.mark.parametrize(
    ("limit", "value", "got", "most"),
    [
        ("max_body_mb", 1e-4, " kB", "at most 0.1 kB"),
        ("max_input_megapixels", 0.001, "0.0024 megapixels", "at most 0.001 megapixels"),
        ("max_output_megapixels", 0.005, "0.0096 megapixels", "at most 0.005 megapixels"),
    ],
)
def test_limits_are_told_before_anything_is_sent(open_page, server, photo, limit, value, got, most):
    server.behaviour.limits = LIMITS | {limit: value}
    page = open_page()
    choose(page, ("cat.png", photo))
    expect(page.locator("#size-now")).to_contain_text("120")
    page.click("#run")
    facts = page.locator("#facts dd")
    expect(facts.nth(0)).to_contain_text(got)
    expect(facts.nth(1)).to_have_text(most)
    assert not [path for method, path in server.behaviour.requests if method == "POST"]


def test_full_queue_is_waited_for(open_page, server, photo):
    server.behaviour.full = 1
    page = open_page()
    choose(page, ("cat.png", photo))
    page.click("#run")
    expect(page.locator(".state")).to_have_text("The queue is full; tries again soon")
    expect(page.locator(".state")).to_have_text("Done")


def test_key_is_asked_for_and_kept_for_the_tab(chromium, server, photo):
    server.behaviour.key = "open sesame"
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    page.goto(server.url)
    expect(page.locator("#key")).to_be_visible()
    page.fill("#key input", "guess")
    page.keyboard.press("Enter")
    expect(page.locator("#key-refused")).to_be_visible()
    page.fill("#key input", "open sesame")
    page.keyboard.press("Enter")
    upscale(page, photo)
    page.reload()
    expect(page.locator("[data-state=done]")).to_have_count(1)  # the job of before the reload, too
    expect(page.locator(".numbers")).to_contain_text("120 × 80")
    assert page.evaluate("Object.values(localStorage).join()").count("sesame") == 0
    context.close()


def test_everything_works_by_keyboard(open_page, server, photo):
    page = open_page()
    page.on("filechooser", lambda _: None)  # Playwright tells the browser now, and not while the key is pressed
    press = page.keyboard.press
    press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    press("Enter")
    press("Tab")
    expect(page.locator("#drop button")).to_be_focused()
    with page.expect_file_chooser() as waiting:
        press("Enter")
    waiting.value.set_files([{"name": "cat.png", "mimeType": "image/png", "buffer": photo}])
    expect(page.locator("#run")).to_be_focused()
    press("Enter")
    expect(page.locator(".state")).to_have_text("Done")
    page.locator(".stage").focus()
    press("1")
    expect(page.locator("#zoom-now")).to_have_text("100 %")
    press("+")
    expect(page.locator("#zoom-now")).to_have_text("150 %")
    press("0")
    expect(page.locator("#zoom-now")).to_have_text("400 %")
    press("Tab")
    expect(page.locator(".handle")).to_be_focused()
    press("ArrowRight")
    assert split(page) == 52
    press("Home")
    assert split(page) == 0
    page.locator(".show").focus()
    press("Delete")
    expect(page.locator("#drop button")).to_be_focused()
    assert ("DELETE", "/v1/jobs/job0") in server.behaviour.requests


def test_zoom_keeps_the_point_under_the_pointer(open_page, photo):
    page = open_page()
    upscale(page, photo)
    stage, image = page.locator(".stage").bounding_box(), page.locator(".pane.after img")
    x, y = stage["x"] + stage["width"] * 0.4, stage["y"] + stage["height"] * 0.6

    def point() -> tuple[float, float]:
        box = image.bounding_box()
        return (x - box["x"]) / box["width"], (y - box["y"]) / box["height"]

    before = point()
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    expect(page.locator("#zoom-now")).not_to_have_text("400 %")
    assert point() == pytest.approx(before, abs=2e-3)  # half a pixel of the page


def test_side_by_side_is_at_one_hundred_percent(open_page, photo):
    page = open_page()
    upscale(page, photo)
    page.click("[data-view=side]")
    expect(page.locator("#zoom-now")).to_have_text("100 %")
    before, after = (page.locator(f".pane.{pane} img").bounding_box() for pane in ("before", "after"))
    assert (before["width"], before["height"]) == (after["width"], after["height"]) == (120, 80)
    assert before["x"] + 120 < after["x"]


def test_words_and_colours_switch_and_stay(open_page):
    page = open_page(color_scheme="light")
    page.click("[data-language=ja]")
    expect(page.locator("h1")).to_have_text("画像を高解像度に")
    assert page.locator("html").get_attribute("lang") == "ja"
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(251, 250, 247)"
    page.click("#theme")
    page.click("#theme")
    assert page.evaluate(background) == "rgb(21, 22, 23)"
    page.reload()
    expect(page.locator("h1")).to_have_text("画像を高解像度に")
    assert page.evaluate(background) == "rgb(21, 22, 23)"


@pytest.mark.parametrize("locale", ["en-US", "ja-JP"])
def test_phone_shows_everything_without_scrolling_sideways(open_page, photo, locale):
    page = open_page(viewport={"width": 360, "height": 740}, locale=locale)
    upscale(page, photo, name="a-very-long-name-of-a-file-that-does-not-fit-into-a-line-of-a-phone.png")
    page.click("#more summary")
    page.check("#scales input[value=other]", force=True)
    page.click("[data-view=side]")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for button in page.locator("button:visible").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    before, after = (page.locator(f".pane.{pane}").bounding_box() for pane in ("before", "after"))
    assert before["y"] + before["height"] < after["y"]  # one above the other


def test_privacy_line_tells_the_truth(open_page):
    page = open_page()
    expect(page.locator("#privacy")).to_contain_text("Your images stay on this machine")
    expect(page.locator("#privacy")).to_contain_text("for at most 24 hours")


def test_target_size_and_advanced_options_reach_the_server(open_page, server, photo):
    page = open_page()
    choose(page, ("cat.png", photo))
    page.check("#scales input[value=other]", force=True)
    page.fill("input[name=scale]", "2.5")
    page.check("#presets input[value=best]", force=True)
    page.click("#more summary")
    page.select_option("select[name=metadata]", "copyright")
    page.check("input[name=wrap]")
    expect(page.locator("#size-now")).to_have_text("60 × 40 → 150 × 100 px")
    page.click("#run")
    expect(page.locator(".state")).to_have_text("Done")
    assert server.jobs["job0"]["options"] == {
        "mode": "job", "filename": "cat.png", "scale": "2.5", "preset": "best",
        "metadata": "copyright", "wrap": "true",
    }  # fmt: skip


def test_dials_of_the_chosen_quality_reach_the_server(open_page, server, photo):
    page = open_page()
    choose(page, ("cat.png", photo))
    expect(page.locator("#denoise")).to_be_hidden()
    page.fill("input[name=vivid]", "0.6")
    expect(page.locator("#vivid output")).to_have_text("0.60")
    expect(page.locator("#hint")).to_contain_text("Detail is invented")
    page.click("#run")
    expect(page.locator(".state")).to_have_text("Done")
    page.check("#presets input[value=fast]", force=True)
    expect(page.locator("#vivid")).to_be_hidden()
    page.check("#weights input[value=between]", force=True)
    page.fill("input[name=denoise]", "0")
    page.click("#run")
    expect(page.locator(".state")).to_have_text("Done")
    usual = {"mode": "job", "filename": "cat.png", "scale": "2"}
    assert server.jobs["job0"]["options"] == usual | {"preset": "balanced", "vivid": "0.6"}
    assert server.jobs["job1"]["options"] == usual | {"preset": "fast", "denoise": "0"}


def test_file_that_no_browser_shows_is_upscaled_and_said_to_be_whole(open_page, photo):
    from PIL import Image

    tiff = io.BytesIO()
    Image.open(io.BytesIO(photo)).save(tiff, "TIFF")
    page = open_page()
    choose(page, ("scan.tif", tiff.getvalue()), kind="image/tiff")
    expect(page.locator(".unseen")).to_contain_text("it can be upscaled all the same")
    page.click("#run")
    expect(page.locator(".unseen")).to_contain_text("download it")
    expect(page.locator(".numbers")).to_contain_text("120 × 80 px")
    expect(page.locator(".pane.after img")).not_to_be_visible()
