"""Objects on a cluster engine, without the engine: URLs go to the workers, which read and write the store."""

import hashlib
import json
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from kukkiri import cli
from kukkiri.cli import cluster_options
from kukkiri.cluster.blocks import split_into_blocks
from kukkiri.cluster.on_spark import upscale_partition
from kukkiri.cluster.remote_worker import RemoteSettings, RemoteWorker
from kukkiri.images import Image
from kukkiri.inference import FileJob, Upscaler
from kukkiri.inference.job_worker import JobSettings
from kukkiri.storage import Store
from tests.cluster.in_place import InPlace

pytest.importorskip("fsspec")
IN, OUT, MANIFESTS = "memory://bucket/in", "memory://bucket/out", "memory://bucket/manifests"
MODEL = ("--model", "nearest")


@pytest.fixture
def place(tmp_path, monkeypatch, files, rng):
    """Files of this disk and the same objects; nothing is left in the temporary folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for name in ("a.png", "b.jpg", "deep/c.webp"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.from_array(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)).save(path)
        files.pipe_file(f"/bucket/in/{name}", path.read_bytes())
    files.pipe_file("/bucket/in/bad.png", b"no image")
    yield tmp_path
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.fixture
def executor(monkeypatch):
    """Workers of this process behind ``--on``, which see its memory."""
    made = InPlace()
    monkeypatch.setattr("kukkiri.cluster.on_ray.RayExecutor", lambda *_, **__: made)
    monkeypatch.setattr(cluster_options, "_check_reach", lambda url: None)
    return made


def objects(files, below="out"):
    base = f"/bucket/{below}/"
    return {name.removeprefix(base): files.cat_file(name) for name in files.store if name.startswith(base)}


def go(*more, inputs=IN, output=OUT):
    return cli.run(["upscale", inputs, "-r", "-o", output, *MODEL, "--on", "ray", *more])


def local_results():
    assert cli.run(["upscale", "in", "-r", "-o", "whole", *MODEL, "--quiet"]) == 0
    return {
        path.relative_to("whole").as_posix(): path.read_bytes() for path in Path("whole").rglob("*") if path.is_file()
    }


def summarize(capsys):
    capsys.readouterr()
    code = cli.run(["jobs", "summarize", MANIFESTS, "--sources", IN, "-r", "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_urls_are_sent_and_results_are_those_of_files(place, files, executor, capsys):
    assert go("--json", "--manifest", MANIFESTS) == 1
    printed = capsys.readouterr()
    assert objects(files) == local_results() != {}
    assert sorted(str(job.source) for job in executor.jobs) == [
        "memory:/bucket/in/a.png", "memory:/bucket/in/b.jpg", "memory:/bucket/in/bad.png",
        "memory:/bucket/in/deep/c.webp",
    ]  # fmt: skip
    found = json.loads(printed.out)
    assert found["failed"][0]["input"] == f"{IN}/bad.png"
    assert found["failed"][0]["error"].startswith(f"{IN}/bad.png: is not an image by its content")
    assert {each["output"] for each in found["files"]} == {f"{OUT}/{name}" for name in ("a.png", "b.png", "deep/c.png")}
    assert "temporary" not in printed.out + printed.err
    code, summary = summarize(capsys)
    assert (code, summary["done"], summary["failed"], summary["interrupted"], summary["missing"]) == (1, 3, 1, 0, 0)
    assert summary["bytes"] == sum(map(len, objects(files).values()))


def test_what_failed_goes_on_here_and_a_resumed_run_sends_nothing(place, files, executor, capsys, monkeypatch):
    assert go("--manifest", MANIFESTS, "--quiet") == 1
    files.pipe_file("/bucket/in/bad.png", (place / "in/a.png").read_bytes())
    local = ["upscale", IN, "-r", "-o", OUT, *MODEL, "--quiet", "--manifest", MANIFESTS, "--only-failed"]
    assert cli.run(local) == 0
    executor.jobs.clear()
    monkeypatch.setattr(Store, "fetch", None)
    assert go("--manifest", MANIFESTS, "--resume", "--quiet") == 0
    assert executor.jobs == []
    assert summarize(capsys)[1]["clean"]


def test_one_end_may_be_a_disk_and_existence_decides_without_a_manifest(place, files, executor, capsys):
    assert go("--quiet", output="fetched") == 1
    whole = local_results()
    assert {name: Path("fetched", name).read_bytes() for name in whole} == whole
    assert go("--quiet", inputs="in") == 0
    assert objects(files) == whole
    executor.jobs.clear()
    assert go("--quiet", inputs="in") == 1
    assert capsys.readouterr().err.count("exists already") == 3
    assert executor.jobs == []
    assert go("--quiet", "--overwrite", inputs="in") == 0
    assert objects(files) == whole


def test_rows_of_a_store_are_safe_before_anything_is_sent(place, files, executor, capsys, monkeypatch):
    execute = executor.execute

    def watch(settings, jobs):
        rows = b"".join(objects(files, "manifests").values())
        assert rows.count(b'"state": "begun"') == len(jobs) == 4
        raise KeyboardInterrupt
        yield

    executor.execute = watch
    assert go("--manifest", MANIFESTS, "--quiet") == 130
    assert summarize(capsys)[1]["interrupted"] == 4
    executor.execute = execute
    assert go("--manifest", MANIFESTS, "--resume", "--quiet") == 1
    assert objects(files) == local_results()


def test_a_file_beside_a_result_is_not_replaced_unasked(place, files, executor, capsys):
    assert go("--provenance", "--quiet", inputs=f"{IN}/a.png") == 0
    assert sorted(objects(files)) == ["a.png", "a.png.json"]
    files.rm("/bucket/out/a.png")
    before, executor.jobs = objects(files), []
    assert go("--provenance", "--quiet", inputs=f"{IN}/a.png") == 1
    assert f"{OUT}/a.png.json: exists already" in capsys.readouterr().err
    assert (objects(files), executor.jobs) == (before, [])
    assert go("--provenance", "--quiet", "--overwrite", inputs=f"{IN}/a.png") == 0
    assert sorted(objects(files)) == ["a.png", "a.png.json"]


def test_a_list_may_name_objects_and_files(place, files, executor):
    Path("list.txt").write_text(f"{IN}/b.jpg\nin/a.png\n")
    arguments = ["upscale", "--files-from", "list.txt", "-o", OUT, *MODEL, "--on", "ray", "--quiet"]
    assert cli.run(arguments) == 0
    assert sorted(objects(files)) == ["bucket/in/b.png", "in/a.png"]


def test_the_memory_of_one_process_is_out_of_reach(place, monkeypatch, capsys):
    monkeypatch.setattr("kukkiri.cluster.on_ray.RayExecutor", lambda *_, **__: InPlace())
    Path("list.txt").write_text(f"{IN}/b.jpg\n")
    for arguments in ((IN, "-o", "out"), ("in", "-o", OUT), ("--files-from", "list.txt", "-o", "out")):
        assert cli.run(["upscale", *arguments, *MODEL, "--on", "ray"]) == 2
        assert "is in the memory of this process alone" in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_machine_without_the_disk_does_objects_and_no_files(place, files):
    make = JobSettings(make_upscaler=partial(Upscaler, "bicubic", scale=2))
    here = RemoteSettings.here(make)
    worker = RemoteWorker(RemoteSettings(jobs=make, folder=Path("/no such place"), version=here.version))
    result = worker.do(FileJob(Path("memory:/bucket/in/b.jpg"), Path("memory:/bucket/out/b.png")))
    assert result.error == ""
    assert result.remote.size == len(objects(files)["b.png"])
    assert result.job.source == Path("memory:/bucket/in/b.jpg")
    for source, target in (("in/b.jpg", "memory:/bucket/out/c.png"), ("memory:/bucket/in/b.jpg", "out/b.png")):
        error = worker.do(FileJob(Path(source), Path(target))).error
        assert "/no such place: not here" in error
    gone = worker.do(FileJob(Path("memory:/bucket/in/none.jpg"), Path("memory:/bucket/out/none.png"))).error
    assert gone == f"{IN}/none.jpg: {IN}/none.jpg: no such object. Check the bucket and the key."
    assert sorted(objects(files)) == ["b.png"]


def test_a_partition_of_spark_may_hold_urls_which_come_back_as_they_were(place, files):
    pandas = pytest.importorskip("pandas", reason="needs pandas, which Spark brings")
    settings = RemoteSettings.here(JobSettings(make_upscaler=partial(Upscaler, "nearest", scale=2)))
    rows = [(f"{IN}/a.png", f"{OUT}/a.png"), (f"{IN}/bad.png", f"{OUT}/bad.png")]
    frame = pandas.DataFrame(rows, columns=["source", "target"])
    (found,) = upscale_partition([frame], settings=settings)
    good, bad = found.itertuples()
    assert (good.source, good.target, good.error, good.width) == (*rows[0], "", 12)
    assert good.sha256 == hashlib.sha256(objects(files)["a.png"]).hexdigest()
    assert bad.error.startswith(f"{IN}/bad.png: is not an image")
    assert sorted(objects(files)) == ["a.png"]


def test_objects_of_unknown_size_are_sent_in_small_blocks():
    jobs = [FileJob(Path(f"s3:/bucket/{number}.jpg"), Path("x")) for number in range(1000)]
    assert {len(block) for block in split_into_blocks(jobs, workers=2)} == {8}
