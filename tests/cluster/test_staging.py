"""``kukkiri upscale`` from and to a store: the same results as over files, whole or not there, and no traces here."""

import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

from kukkiri import cli
from kukkiri.cluster import stored_manifests
from kukkiri.cluster.stored_sources import _translate
from kukkiri.images import Image
from kukkiri.storage import Store, StoreURL, open_store

pytest.importorskip("fsspec")
MODEL = ("--model", "nearest", "--quiet")
IN, OUT, MANIFESTS = "memory://bucket/in", "memory://bucket/out", "memory://bucket/manifests"


def paint(folder, name, level):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.from_array(np.full((4, 4, 3), level, np.uint8)).save(path)


def animate(path):
    frames = [pytest.importorskip("PIL.Image").new("RGB", (4, 4), (level, 0, 0)) for level in (0, 200)]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:])
    path.write_bytes(data.getvalue())


@pytest.fixture
def place(tmp_path, monkeypatch, files):
    """Files of this disk and the same objects; temporary files are looked after."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for number, name in enumerate(("a.png", "b.jpg", "deep/c.webp")):
        paint(tmp_path / "in", name, 40 * number)
    animate(tmp_path / "in/moving.gif")
    upload(files, tmp_path / "in")
    yield tmp_path
    assert list((tmp_path / "temporary").iterdir()) == []


def upload(files, folder):
    for path in folder.rglob("*"):
        if path.is_file():
            files.pipe_file(f"/bucket/in/{path.relative_to(folder).as_posix()}", path.read_bytes())


def objects(files, below="out"):
    base = f"/bucket/{below}/"
    return {name.removeprefix(base): files.cat_file(name) for name in files.store if name.startswith(base)}


def local_results(place):
    assert cli.run(["upscale", "in", "-r", "-o", "whole", *MODEL]) == 0
    return {
        path.relative_to("whole").as_posix(): path.read_bytes() for path in Path("whole").rglob("*") if path.is_file()
    }


def test_results_are_those_of_files(place, files):
    assert cli.run(["upscale", IN, "-r", "-o", OUT, *MODEL]) == 0
    assert objects(files) == local_results(place)
    assert sorted(objects(files)) == ["a.png", "b.png", "deep/c.png", "moving.gif"]


def test_both_ends_may_be_files(place, files):
    assert cli.run(["upscale", IN, "-r", "-o", "fetched", *MODEL]) == 0
    assert cli.run(["upscale", f"file://{place}/in", "-r", "-o", OUT, *MODEL]) == 0
    whole = local_results(place)
    assert objects(files) == whole
    assert {name: Path("fetched", name).read_bytes() for name in whole} == whole


def test_names_and_messages_are_those_of_the_store(place, files, capsys):
    files.pipe_file("/bucket/in/bad.png", b"no image")
    assert cli.run(["upscale", IN, "-o", OUT, "--model", "nearest", "--json"]) == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert found["failed"][0]["input"] == f"{IN}/bad.png"
    assert f"{IN}/bad.png: is not an image by its content" in found["failed"][0]["error"]
    assert {each["output"] for each in found["files"]} == {f"{OUT}/{name}" for name in ("a.png", "b.png", "moving.gif")}
    assert "temporary" not in printed.out + printed.err


def test_without_a_manifest_existence_decides(place, files, capsys):
    assert cli.run(["upscale", IN, "-r", "-o", OUT, *MODEL]) == 0
    before = objects(files)
    assert cli.run(["upscale", IN, "-r", "-o", OUT, *MODEL]) == 1
    assert f"{OUT}/a.png: exists already" in capsys.readouterr().err
    files.rm("/bucket/out/a.png")
    assert cli.run(["upscale", IN, "-r", "-o", OUT, "--model", "nearest", "--resume"]) == 0
    assert capsys.readouterr().err.count("exists already") == 3
    assert cli.run(["upscale", IN, "-r", "-o", OUT, *MODEL, "--overwrite"]) == 0
    assert objects(files) == before


def test_two_sources_with_one_result_are_an_error_even_when_their_names_do_not_tell(place, files, capsys):
    data = io.BytesIO()
    pytest.importorskip("PIL.Image").new("RGB", (4, 4)).save(data, "GIF")
    files.pipe_file("/bucket/in/a.gif", data.getvalue())  # one frame: its result is a PNG
    assert cli.run(["upscale", f"{IN}/a.gif", f"{IN}/a.png", "-o", OUT, *MODEL]) == 1
    assert f"would both be written to {OUT}/a.png" in capsys.readouterr().err


def test_results_below_the_sources_are_no_sources(place, files):
    for _ in range(2):
        assert cli.run(["upscale", IN, "-r", "-o", f"{IN}/large", *MODEL, "--resume"]) == 0
    assert len(objects(files, "in/large")) == 4


def test_what_lies_beside_a_result_goes_with_it(place, files, capsys):
    assert cli.run(["upscale", f"{IN}/a.png", "-o", OUT, *MODEL, "--provenance"]) == 0
    assert sorted(objects(files)) == ["a.png", "a.png.json"]
    files.rm("/bucket/out/a.png")
    assert cli.run(["upscale", f"{IN}/a.png", "-o", OUT, *MODEL, "--provenance"]) == 1
    assert f"{OUT}/a.png.json: exists already" in capsys.readouterr().err
    assert sorted(objects(files)) == ["a.png.json"]


def test_lists_may_be_objects_and_name_objects(place, files):
    files.pipe_file("/bucket/list.csv", f"path,more\n{IN}/b.jpg,1\nin/a.png,2\n".encode())
    assert cli.run(["upscale", "--files-from", "memory://bucket/list.csv:path", "-o", "out", *MODEL]) == 0
    assert Path("out/bucket/in/b.png").is_file()
    assert Path("out/in/a.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((IN,), 2, "results do not go beside objects"),
        ((IN, "-o", "out", "--dry-run"), 2, "--dry-run looks into files"),
        ((IN, "-o", "out", "--name", "{stem}-{width}"), 2, "without width and height"),
        ((f"{IN}/none", "-o", "out"), 1, f"{IN}/none: no images or clips here"),
        (("https://host/a.png", "-o", "out"), 1, "web addresses are not read"),
        (("s3://me:secret@bucket/a.png", "-o", "out"), 1, "Credentials come from the environment"),
        (("in/a.png", "-o", "s3://me:secret@bucket/a.png"), 1, "Credentials come from the environment"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(place, capsys, arguments, code, said):
    assert cli.run(["upscale", *arguments, *MODEL]) == code
    err = capsys.readouterr().err
    assert said in err
    assert "secret" not in err
    assert err.count("\n") == 1


def test_patterns_choose_keys():
    assert _translate("in/*.png").fullmatch("in/a.png")
    assert not _translate("in/*.png").fullmatch("in/deep/a.png")
    assert _translate("in/**/?[!b-z].png").fullmatch("in/deep/er/xa.png")
    assert not _translate("in/**/?[!b-z].png").fullmatch("in/xb.png")
    assert _translate("in/a+(1).png").fullmatch("in/a+(1).png")


# Manifests in the store.


def go(*more):
    return cli.run(["upscale", IN, "-r", "-o", OUT, *MODEL, "--manifest", MANIFESTS, *more])


def summary(capsys, *more):
    capsys.readouterr()
    code = cli.run(["jobs", "summarize", MANIFESTS, "--sources", IN, "-r", "--json", *more])
    return code, json.loads(capsys.readouterr().out)


def written(monkeypatch):
    """The keys that are written from now on."""
    keys = []
    write = Store.write

    def watch(store, url, content, *, create=False):
        write(store, url, content, create=create)
        keys.append(url.key)

    monkeypatch.setattr(Store, "write", watch)
    return keys


def test_shards_do_everything_once_and_the_summary_says_so(place, files, capsys):
    assert [go("--shard", f"{index}/3", "--resume") for index in (1, 2, 3)] == [0, 0, 0]
    code, found = summary(capsys)
    assert (code, found["clean"], found["done"], found["missing"], found["doubled"], found["shards"]) == (
        0, True, 4, 0, 0, 3,
    )  # fmt: skip
    assert objects(files) == local_results(place)


def test_a_resumed_run_writes_nothing_again_and_fetches_nothing(place, files, monkeypatch):
    assert go() == 0
    monkeypatch.setattr(Store, "fetch", None)
    keys = written(monkeypatch)
    assert go("--resume") == 0
    assert [key for key in keys if key.startswith("bucket/out")] == []
    assert go() == 1  # there is a manifest, and nobody said what to do with it


def test_a_changed_source_is_made_again(place, files, monkeypatch):
    assert go() == 0
    paint(place / "new", "a.png", 99)
    files.pipe_file("/bucket/in/a.png", (place / "new/a.png").read_bytes())
    keys = written(monkeypatch)
    assert go("--resume") == 0
    assert [key for key in keys if key.startswith("out/")] == ["out/a.png"]


def test_other_options_are_refused_and_named(place, capsys):
    assert go("--shard", "1/2") == 0
    assert go("--shard", "2/2", "--scale", "3") == 1
    err = capsys.readouterr().err
    assert "--scale (none there, 3" in err
    assert f"{MANIFESTS}/shard-0001-of-0002.jsonl" in err
    assert go("--shard", "3/4") == 1
    assert "are of 2 shards, and this run has 4" in capsys.readouterr().err


def test_what_failed_is_done_again_alone(place, files, capsys, monkeypatch):
    good = files.cat_file("/bucket/in/b.jpg")
    files.pipe_file("/bucket/in/b.jpg", b"no image")
    assert go("--shard", "1/2") + go("--shard", "2/2") == 1
    assert summary(capsys)[1]["failures"][0]["examples"] == ["b.jpg"]
    files.pipe_file("/bucket/in/b.jpg", good)
    keys = written(monkeypatch)
    assert go("--only-failed") == 0
    assert [key for key in keys if key.startswith("out/")] == ["out/b.png"]
    code, found = summary(capsys)
    assert (code, found["done"], found["failed"]) == (0, 4, 0)


def test_no_result_is_there_that_no_row_explains(place, files, monkeypatch):
    seen = []
    write = Store.write

    def watch(store, url, content, *, create=False):
        if url.key.startswith("out/"):
            rows = b"".join(objects(files, "manifests").values())
            begun = json.dumps({"state": "begun"})[1:-1].encode() in rows
            seen.append(begun and f'"target": "{url.key.removeprefix("out/")}"'.encode() in rows)
        write(store, url, content, create=create)

    monkeypatch.setattr(Store, "write", watch)
    assert go() == 0
    assert seen == [True] * 4


def test_a_run_that_ended_before_its_last_rows_goes_on(place, files, capsys):
    assert go() == 0
    part = "/bucket/manifests/shard-0001-of-0001/0001-000001.jsonl"
    lines = files.cat_file(part).splitlines(keepends=True)
    kept = [line for line in lines if b'"state": "done"' not in line]  # as a kill leaves it
    files.pipe_file(part, b"".join(kept))
    code, found = summary(capsys)
    assert (code, found["interrupted"]) == (1, 4)
    assert go("--resume") == 0
    assert summary(capsys)[1]["clean"]


def test_parts_are_closed_after_some_rows(place, files, capsys, monkeypatch):
    monkeypatch.setattr(stored_manifests, "_ROWS", 3)
    assert go() == 0
    parts = sorted(objects(files, "manifests"))
    assert parts[0] == "run.json"
    assert len(parts) >= 3
    assert all(part.startswith("shard-0001-of-0001/0001-00000") for part in parts[1:])
    assert summary(capsys)[1]["clean"]


def test_overwrite_begins_anew(place, files, capsys):
    files.pipe_file("/bucket/in/bad.png", b"no image")
    assert go() == 1
    files.rm("/bucket/in/bad.png")
    assert go("--overwrite", "--scale", "3") == 0
    code, found = summary(capsys)
    assert (code, found["done"], found["failed"], len(found["fingerprints"])) == (0, 4, 0, 1)
    assert sorted(objects(files, "manifests"))[1:] == [
        "shard-0001-of-0001/0001-000001.jsonl",
        "shard-0001-of-0001/0002-000001.jsonl",
    ]


def test_the_older_of_two_processes_on_a_shard_ends_with_one_line(place, files, capsys, monkeypatch):
    monkeypatch.setattr(stored_manifests, "_LOOK_EVERY", 0.0)
    taken = StoreURL("memory", "bucket", "manifests/shard-0001-of-0001/0002-000001.jsonl")
    write = Store.write

    def watch(store, url, content, *, create=False):
        write(store, url, content, create=create)
        if url.key.startswith("out/") and store.stat(taken) is None:
            write(store, taken, b"{}\n")  # another process begins

    monkeypatch.setattr(Store, "write", watch)
    assert go("--resume") == 1
    assert len(objects(files)) < 4
    err = capsys.readouterr().err
    assert "another process went on with this shard, so this one ends" in err
    assert err.count("\n") == 1


def test_two_processes_that_begin_at_one_moment_are_told(place, files, capsys, monkeypatch):
    create = Store._create

    def late(store, url, content):
        if "shard-" in url.key:
            store._files.pipe_file(f"/{url.bucket}/{url.key}", b"another\n")
        create(store, url, content)

    monkeypatch.setattr(Store, "_create", late)
    assert go() == 1
    assert "another process began on this shard at this moment" in capsys.readouterr().err


def test_a_store_without_manifests_is_an_error(place, files, capsys):
    assert cli.run(["jobs", "summarize", MANIFESTS]) == 1
    assert f"{MANIFESTS}: no manifests here" in capsys.readouterr().err
    open_store("memory").write(StoreURL("memory", "bucket", "manifests/shard-0001-of-0002/0001-000001.jsonl"), b"x\n")
    assert cli.run(["jobs", "summarize", MANIFESTS]) == 1
    assert "0001-000001.jsonl: no manifest of kukkiri" in capsys.readouterr().err
