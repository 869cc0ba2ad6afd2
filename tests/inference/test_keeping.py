import dataclasses
import json
import os
from functools import partial

import numpy as np
import pytest

import kukkiri
from kukkiri.images import Image, Metadata, read_image
from kukkiri.inference import FolderRun, Upscaler
from kukkiri.inference.keeping import Keeping


def run(folder, output, keeping, model="bicubic", **options):
    make = partial(Upscaler, model, scale=2)
    return list(FolderRun(make, [str(folder)], output=output, keeping=keeping, threads=1, **options))


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        Image.from_array(np.arange(20 * 30 * 3, dtype=np.uint16).reshape(20, 30, 3)).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


def test_provenance_stands_beside_each_result_and_in_it(photos, tmp_path):
    results = run(photos, tmp_path / "out", Keeping(provenance=True), model="fast")
    assert [result.error for result in results] == ["", ""]
    made = json.loads((tmp_path / "out" / "a.png.json").read_text())
    assert made["software"] == f"kukkiri {kukkiri.__version__}"
    assert (made["model"], made["scale"]) == ("sesr-s-x2", 2)
    assert made["sha256"] == Upscaler("fast", scale=2).engines[0].info.sha256
    assert made["source"] == {"name": "a.png", "width": 30, "height": 20}
    assert made["result"] == {"name": "a.png", "width": 60, "height": 40}
    assert b"<kukkiri:model>sesr-s-x2</kukkiri:model>" in read_image(tmp_path / "out" / "a.png").metadata.xmp


def test_a_file_beside_is_not_overwritten_unless_asked(photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png.json").write_text("mine")
    results = {result.job.source.name: result for result in run(photos, tmp_path / "out", Keeping(provenance=True))}
    assert "a.png.json: exists already" in results["a.png"].error
    assert not (tmp_path / "out" / "a.png").exists()
    assert results["b.png"].error == ""
    assert (tmp_path / "out" / "a.png.json").read_text() == "mine"
    run(photos, tmp_path / "out", Keeping(provenance=True), overwrite=True)
    assert json.loads((tmp_path / "out" / "a.png.json").read_text())["model"] == "bicubic"


def test_the_time_of_the_source_is_given_to_the_result_when_asked(photos, tmp_path):
    os.utime(photos / "a.png", (1_000_000_000, 1_100_000_000))
    run(photos, tmp_path / "out", Keeping(time=True))
    assert (tmp_path / "out" / "a.png").stat().st_mtime == 1_100_000_000
    run(photos, tmp_path / "now", Keeping())
    assert (tmp_path / "now" / "a.png").stat().st_mtime > 1_700_000_000


def test_the_limit_of_pixels_holds(photos, tmp_path):
    results = run(photos, tmp_path / "out", Keeping(pixel_limit=599))
    assert all("30x20 pixels exceed the limit of 599" in result.error for result in results)
    assert [result.error for result in run(photos, tmp_path / "out", Keeping(pixel_limit=600))] == ["", ""]


def test_a_streamed_image_keeps_the_same(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("kukkiri.inference.streamed_files.STREAMED", 1)
    os.utime(photos / "a.png", (1_000_000_000, 1_100_000_000))
    image = read_image(photos / "a.png")
    noted = dataclasses.replace(image, metadata=Metadata(png_text=(b"tEXtTitle\0A sea", b"tEXtAuthor\0Ada")))
    noted.save(photos / "c.png")
    results = run(photos, tmp_path / "out", Keeping(provenance=True, time=True, metadata="copyright"))
    assert [result.error for result in results] == ["", "", ""]
    kept = read_image(tmp_path / "out" / "c.png").metadata
    assert [text.split(b"\0")[0] for text in kept.png_text] == [b"tEXtAuthor", b"iTXtkukkiri"]
    assert (tmp_path / "out" / "a.png").stat().st_mtime == 1_100_000_000
    assert json.loads((tmp_path / "out" / "c.png.json").read_text())["result"] == {
        "name": "c.png",
        "width": 60,
        "height": 40,
    }
    refused = run(photos, tmp_path / "small", Keeping(pixel_limit=599))
    assert all("exceed the limit of 599" in result.error for result in refused)


@pytest.mark.parametrize("transfer", [16, 18])
def test_a_streamed_image_tells_of_hidden_colours_and_hdr_stays_whole(tmp_path, monkeypatch, transfer):
    rng = np.random.default_rng(0)
    hidden = rng.integers(1, 255, (40, 30, 4), dtype=np.uint8)
    hidden[:20, :, 3] = 0
    Image.from_array(hidden).save(tmp_path / "hidden.png")
    codes = Metadata(png_colour={b"cICP": bytes([9, transfer, 0, 1])})
    bright = Image.from_array(np.sort(rng.integers(0, 65536, (40, 30, 3), dtype=np.uint16), axis=0))
    dataclasses.replace(bright, metadata=codes).save(tmp_path / "hdr.png")
    found = {}
    for name, pixels in (("whole", 2**30), ("strips", 1)):
        monkeypatch.setattr("kukkiri.inference.streamed_files.STREAMED", pixels)
        found[name] = run(tmp_path, tmp_path / name, Keeping(), suffix=".tif")
    assert sorted(result.notes for result in found["whole"]) == sorted(result.notes for result in found["strips"])
    assert any("were replaced by those around them" in note for result in found["strips"] for note in result.notes)
    pixels = [read_image(tmp_path / name / "hdr.tif").to_array() for name in ("whole", "strips")]
    assert np.array_equal(*pixels)
