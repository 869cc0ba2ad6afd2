"""Runs over files with manifests: what is skipped, made again, and refused."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from kukkiri.cluster import Making, Recorder, Shard, SourceList, read_manifest
from kukkiri.cluster.manifest import name_manifest
from kukkiri.errors import ConfigError
from kukkiri.images import Image, read_image
from kukkiri.inference import FolderRun, Upscaler

MAKE = partial(Upscaler, "nearest", scale=2)
OPTIONS = {"--scale": 2}


def paint(path, level):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.from_array(np.full((4, 4, 3), level, np.uint8)).save(path, overwrite=True)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("a.png", "b.png", "below/c.png")):
        paint(Path("in", name), 10 + number)
    return tmp_path


def go(*, shard=None, folder="manifests", options=OPTIONS, model="nearest", output="out", listed=(), **keywords):
    """Run; returns {source: ("done" | "skipped" | error, notes)}."""
    target = None if output is None else Path(output)
    making = Making.of(model, options)
    overwrite = keywords.get("overwrite", False)
    with Recorder(Path(folder), making, shard=shard, output=target, **keywords) as recorder:
        only = recorder.only_failed

        def choose(image):
            path, below = image
            mine = shard is None or shard.holds(below or path.name)
            return mine and (not only or recorder.wants(path, below))

        run = FolderRun(
            MAKE, ["in"], output=target, recursive=True, overwrite=overwrite, listed=listed, recorder=recorder,
            choose=choose if shard is not None or only else None,
        )  # fmt: skip
        return {
            result.job.source.name: (result.error or ("skipped" if result.skipped else "done"), result.notes)
            for result in run
        }


WHOLE = Shard(1, 1)


def rows(folder="manifests", shard=WHOLE):
    return list(read_manifest(name_manifest(Path(folder), shard))[1])


def level(path):
    return int(read_image(path).to_array()[0, 0, 0])


def cut_rows(count, folder="manifests"):
    """Take the last rows away, as a kill before them would."""
    path = name_manifest(Path(folder), Shard(1, 1))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) - count]))


def test_a_row_says_all_about_an_image(place):
    assert set(go()) == {"a.png", "b.png", "c.png"}
    begun, done = (row for row in rows() if row.source == "below/c.png")
    source, target = Path("in/below/c.png").stat(), Path("out/below/c.png")
    assert (begun.state, done.state) == ("begun", "done")
    assert begun.identity == done.identity
    assert (done.identity.size, done.identity.mtime_ns) == (source.st_size, source.st_mtime_ns)
    assert (done.target, done.result_bytes) == ("below/c.png", target.stat().st_size)
    import hashlib

    assert done.sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    assert done.cpu_seconds >= 0 <= done.seconds


def test_a_resumed_run_skips_what_is_done_and_nothing_else(place):
    go()
    before = rows()
    assert {said for said, _ in go(resume=True).values()} == {"skipped"}
    assert rows() == before
    Path("out/a.png").unlink()
    paint(Path("in/d.png"), 99)
    assert {name: said for name, (said, _) in go(resume=True).items()} == {
        "a.png": "done",
        "b.png": "skipped",
        "c.png": "skipped",
        "d.png": "done",
    }


def test_without_resume_or_overwrite_a_manifest_is_refused(place):
    go()
    with pytest.raises(ConfigError, match=r"shard-0001-of-0001.jsonl: exists already. Go on with --resume"):
        go()
    assert {said for said, _ in go(overwrite=True).values()} == {"done"}
    assert len(rows()) == 6


def test_a_changed_source_is_made_again_and_noted(place):
    go()
    paint(Path("in/a.png"), 77)
    os.utime("in/a.png", ns=(1, 1))
    said = go(resume=True)
    assert said["a.png"] == ("done", ("the source has changed since its result was made; it was made again",))
    assert said["b.png"][0] == "skipped"
    assert level("out/a.png") == 77
    assert rows()[-1].notes == said["a.png"][1]
    assert go(resume=True)["a.png"] == ("skipped", ())


def test_a_result_that_only_a_begun_row_explains_is_made_again(place):
    go()
    last = rows()[-1]
    cut_rows(1)
    paint(Path("out", last.target), 200)  # whatever the killed process has left
    said = go(resume=True)
    assert sorted(text for text, _ in said.values()) == ["done", "skipped", "skipped"]
    assert level(Path("out", last.target)) == level(Path("in", last.source))


def test_results_that_no_row_explains_are_errors_and_stay(place):
    paint(Path("out/a.png"), 200)
    said = go()
    assert "out/a.png: exists already, and no manifest in manifests tells how it was made" in said["a.png"][0]
    for only_failed in (False, True):  # its failed row explains nothing either
        said = go(resume=not only_failed, only_failed=only_failed)
        assert "exists already" in said["a.png"][0]
    assert level("out/a.png") == 200


def test_results_that_were_changed_since_are_errors_and_stay(place):
    go()
    Image.from_array(np.zeros((90, 90, 3), np.uint8)).save("out/a.png", overwrite=True)
    said = go(resume=True)
    assert "out/a.png: is not the file that the manifest describes" in said["a.png"][0]
    assert read_image("out/a.png").size == (90, 90)


def test_an_overwriting_run_that_was_killed_goes_on_with_resume(place):
    for name in ("a.png", "b.png"):
        paint(Path("out", name), 200)
    go(overwrite=True)
    path = name_manifest(Path("manifests"), WHOLE)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"a.png"' not in line))
    paint(Path("out/a.png"), 200)  # of before, and no row says so
    assert {name: said for name, (said, _) in go(resume=True).items()} == {
        "a.png": "done",
        "b.png": "skipped",
        "c.png": "skipped",
    }
    assert [level(f"out/{name}") for name in ("a.png", "b.png", "below/c.png")] == [10, 11, 12]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"options": {"--scale": 3}}, r"different: --scale \(2 there, 3 here\)"),
        ({"model": "bicubic"}, r"the model \(nearest there, bicubic here\)"),
    ],
)
def test_other_options_or_another_model_never_mix(place, other, said):
    go(shard=Shard(1, 2))
    for shard in (Shard(1, 2), Shard(2, 2)):
        with pytest.raises(ConfigError, match=said):
            go(shard=shard, resume=True, **other)
    assert not name_manifest(Path("manifests"), Shard(2, 2)).exists()


def test_another_number_of_shards_is_refused(place):
    go(shard=Shard(1, 2))
    for shard in (Shard(1, 3), None):
        with pytest.raises(ConfigError, match="these manifests are of 2 shards"):
            go(shard=shard, resume=True)


def test_every_source_is_done_by_one_shard(place):
    said = [go(shard=Shard(index, 3)) for index in (1, 2, 3)]
    assert sorted(name for names in said for name in names) == ["a.png", "b.png", "c.png"]
    assert sorted(path.name for path in Path("out").rglob("*.png")) == ["a.png", "b.png", "c.png"]


def test_only_failed_does_again_what_failed_in_any_shard_and_nothing_else(place):
    for name in ("a.png", "below/c.png"):
        Path("in", name).write_bytes(b"no image")
    for index in (1, 2, 3):
        go(shard=Shard(index, 3))
    paint(Path("in/a.png"), 55)
    paint(Path("in/new.png"), 56)  # no manifest knows it
    said = go(only_failed=True)
    assert {name: text if text == "done" else "failed" for name, (text, _) in said.items()} == {
        "a.png": "done",
        "c.png": "failed",
    }
    own = Shard.of("a.png", count=3)
    assert [row.state for row in rows(shard=own) if row.source == "a.png"] == ["begun", "failed", "begun", "done"]
    assert go(only_failed=True).keys() == {"c.png"}
    assert go(only_failed=True, shard=Shard.of("below/c.png", count=3)).keys() == {"c.png"}


def test_no_result_replaces_an_input_of_another_shard(place):
    """Found in a folder or named by a list: a-x2.png would be the result of a.png, beside it."""
    for path in ("in/a-x2.png", "more/y.png", "more/y-x2.png"):
        paint(Path(path), 5)
    Path("list").write_text("more/y.png\nmore/y-x2.png\n")
    with SourceList("list") as listed:
        for name, source in (("a", "in/a"), ("y", "more/y")):
            shard = Shard.of(source.removeprefix("in/"), count=7)
            assert shard != Shard.of(source.removeprefix("in/") + "-x2", count=7)
            said = go(shard=shard, output=None, listed=listed, overwrite=True, folder=f"manifests-{name}")
            assert f"its result would be {source}-x2.png, which is an input of this run" in said[f"{name}.png"][0]
    assert level("in/a-x2.png") == 5
    assert level("more/y-x2.png") == 5


def test_what_names_no_image_is_an_error_and_no_row(place):
    Path("empty").mkdir()
    with Recorder(Path("manifests"), Making.of("nearest", OPTIONS), output=Path("out")) as recorder:
        (result,) = FolderRun(MAKE, ["empty"], output=Path("out"), recorder=recorder)
    assert "no images" in result.error
    assert rows() == []
