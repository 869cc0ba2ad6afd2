"""The worker of a cluster engine, without an engine: results, what it tells, and what ends a job but no other one."""

import hashlib
import pickle
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from kukkiri.cluster import Making, Recorder, read_manifest, summarize
from kukkiri.cluster.blocks import CrashLedger, do_rows, split_into_blocks
from kukkiri.cluster.on_ray import RayExecutor
from kukkiri.cluster.on_spark import JOB_SCHEMA, OUTCOME_SCHEMA, describe_jobs, upscale_partition
from kukkiri.cluster.remote_worker import RemoteSettings, RemoteWorker
from kukkiri.errors import BackendError, ConfigError, ImageError
from kukkiri.images import Image
from kukkiri.inference import FileJob, FolderRun, Upscaler
from kukkiri.inference.job_worker import JobSettings
from tests.cluster.in_place import InPlace

MAKE = partial(Upscaler, "bicubic", scale=2)


@pytest.fixture
def place(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.jpg", "below/c.png"):
        path = Path("in", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.from_array(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)).save(path)
    Path("in/bad.png").write_bytes(b"no image")
    return tmp_path


def go(output, *, executor=None, manifest=None, **keywords):
    """Run over the folder; returns {source: error, "done" or "skipped"}."""
    recorder = None
    if manifest is not None:
        making = Making.of("bicubic", {"--scale": 2})
        recorder = Recorder(Path(manifest), making, output=Path(output), resume=keywords.get("resume", False))
    try:
        run = FolderRun(
            MAKE, ["in"], output=Path(output), recursive=True, executor=executor, recorder=recorder, **keywords
        )
        return {result.job.source.name: result.error or ("skipped" if result.skipped else "done") for result in run}
    finally:
        if recorder is not None:
            recorder.__exit__()


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_results_have_the_bytes_of_a_local_run_and_so_has_the_manifest_but_for_times(place):
    local = go("local", manifest="manifests-local")
    assert local["bad.png"].startswith("in/bad.png: is not an image by its content")
    assert {name for name, outcome in local.items() if outcome == "done"} == {"a.png", "b.jpg", "c.png"}
    assert go("remote", executor=InPlace(), manifest="manifests-remote") == local
    assert contents("remote") == contents("local") != {}

    def rows(folder):
        found = read_manifest(Path(folder, "shard-0001-of-0001.jsonl"))[1]
        kept = ("state", "source", "target", "identity", "result_bytes", "sha256", "error", "notes")
        return sorted(str([getattr(row, name) for name in kept]) for row in found)

    assert rows("manifests-remote") == rows("manifests-local")
    summary = summarize(Path("manifests-remote"))
    assert (summary.done, summary.failed, summary.interrupted, summary.doubled) == (3, 1, 0, 0)
    assert summary.bytes == sum(map(len, contents("remote").values()))


def test_a_run_that_was_interrupted_goes_on_by_its_manifest_and_makes_again_what_it_was_not_told(place):
    with pytest.raises(KeyboardInterrupt):
        go("out", executor=InPlace(fails_after=2), manifest="manifests")
    summary = summarize(Path("manifests"))
    assert (summary.done + summary.failed, summary.interrupted) == (2, 2)
    executor = InPlace()
    again = go("out", executor=executor, manifest="manifests", resume=True)
    assert sorted(again.values(), key=len)[:3] == ["done"] * (3 - summary.done) + ["skipped"] * summary.done
    assert len(executor.jobs) == 4 - summary.done
    assert summarize(Path("manifests")).done == 3


def test_existing_results_are_refused_before_anything_is_sent_and_skipped_with_resume(place):
    go("out")
    Path("out/a.png").write_bytes(b"mine")
    executor = InPlace()
    assert "exists already" in go("out", executor=executor)["a.png"]
    assert [job.source.name for job in executor.jobs] == ["bad.png"]
    assert go("out", executor=InPlace(), resume=True)["a.png"] == "skipped"
    assert Path("out/a.png").read_bytes() == b"mine"
    assert go("out", executor=InPlace(), overwrite=True)["a.png"] == "done"


def test_processes_are_not_started_for_nothing(place):
    class Refusing(InPlace):
        def __enter__(self):
            raise AssertionError

    shutil.rmtree("in")
    Path("in").mkdir()
    assert "no images or clips" in go("out", executor=Refusing())["in"]


def test_the_worker_tells_size_hash_and_cpu_time(place):
    worker = RemoteWorker(RemoteSettings.here(JobSettings(make_upscaler=MAKE)))
    result = worker.do(FileJob(Path("in/a.png"), Path("out/a.png")))
    assert result.error == ""
    assert result.output_size == (10, 12)
    data = Path("out/a.png").read_bytes()
    assert (result.remote.size, result.remote.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert result.remote.cpu_seconds > 0


def explode(result):
    raise RuntimeError(f"boom\n{result.job.source.name}")


def test_whatever_goes_wrong_ends_one_job_in_words(place):
    worker = RemoteWorker(RemoteSettings.here(JobSettings(make_upscaler=MAKE, after=explode)))
    result = worker.do(FileJob(Path("in/a.png"), Path("out/a.png")))
    assert result.error == "in/a.png: RuntimeError: boom\\na.png"
    assert worker.do(FileJob(Path("in/bad.png"), Path("out/bad.png"))).error.startswith("in/bad.png: is not an image")


def test_a_machine_without_the_disk_or_with_another_version_says_so_for_each_job(place):
    settings = RemoteSettings.here(JobSettings(make_upscaler=MAKE))
    worker = RemoteWorker(RemoteSettings(jobs=settings.jobs, folder=Path("/no such place"), version=settings.version))
    for name in ("in/a.png", "in/b.jpg"):
        error = worker.do(FileJob(Path(name), Path("out/x.png"))).error
        assert error.startswith(f"{name}: /no such place: not here")
        assert "under one path" in error
    other = RemoteWorker(RemoteSettings(jobs=settings.jobs, folder=settings.folder, version="0.0.1"))
    assert "and 0.0.1 began the run" in other.do(FileJob(Path("in/a.png"), Path("out/x.png"))).error


class Memory(dict):
    def put(self, key, value):
        self[key] = value


class Broken:
    def get(self, key):
        raise RuntimeError("no connection")

    put = get


def test_a_job_on_which_three_processes_were_lost_is_an_error_and_the_others_are_done(place):
    ledger, worker = CrashLedger(Memory(), "run"), RemoteWorker(RemoteSettings.here(JobSettings(make_upscaler=MAKE)))
    jobs = [FileJob(Path("in", name), Path("out", f"{name}.png"), replaces=True) for name in ("a.png", "b.jpg")]
    rows = [(index, pickle.dumps(job)) for index, job in enumerate(jobs)]
    for _ in range(2):  # the second and the third process: each does the first job, and is lost with the second
        assert pickle.loads(do_rows(worker, rows[:1], ledger)[0]).error == ""
        ledger.begin(1)
    good, lost = map(pickle.loads, do_rows(worker, rows, ledger))
    assert good.error == ""
    assert lost.error.startswith("in/b.jpg: 3 processes were lost while they worked on it")
    for without in (None, CrashLedger(Broken(), "run")):
        assert pickle.loads(do_rows(worker, rows[1:], without)[0]).error == ""


def test_blocks_hold_each_job_once_and_large_files_alone(tmp_path):
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x")
    large.write_bytes(bytes(2**20))
    sizes = [large] * 2 + [small] * 1000 + [large]
    jobs = [FileJob(path, Path(f"{number}.png")) for number, path in enumerate(sizes)]
    blocks = split_into_blocks(jobs, workers=2)
    assert [index for block in blocks for index in block] == list(range(1003))
    assert [len(block) for block in blocks[:3]] == [1, 1, 32]
    assert max(map(len, blocks)) == 32
    assert [len(block) for block in split_into_blocks(jobs[2:10], workers=2)] == [1] * 8
    assert split_into_blocks([], workers=2) == []


@pytest.mark.parametrize("address", ["Ray", "ray://", "spark", "http://head"])
def test_only_addresses_of_ray_are_taken(address):
    with pytest.raises(ConfigError, match="expected ray"):
        RayExecutor(address)


def test_a_partition_of_spark_is_upscaled_and_every_file_has_its_row(place):
    pandas = pytest.importorskip("pandas", reason="needs pandas, which Spark brings")
    run = FolderRun(MAKE, ["in"], output=Path("out"), recursive=True)
    go("local")
    rows = describe_jobs(run.jobs)
    frames = [pandas.DataFrame(part, columns=["source", "target"]) for part in (rows[:1], rows[1:])]
    assert JOB_SCHEMA == "source string, target string"
    found = pandas.concat(upscale_partition(iter(frames), settings=RemoteSettings.here(run.settings)))
    assert list(found.columns) == [column.split()[0] for column in OUTCOME_SCHEMA.split(", ")]
    by_name = {Path(row.source).name: row for row in found.itertuples()}
    assert by_name["bad.png"].error.startswith("in/bad.png: is not an image")
    assert by_name["bad.png"].bytes is None
    assert (by_name["a.png"].error, by_name["a.png"].width, by_name["a.png"].height) == ("", 12, 10)
    assert by_name["c.png"].sha256 == hashlib.sha256(Path("out/below/c.png").read_bytes()).hexdigest()
    assert contents("out") == contents("local")
    assert [Path(source).name for source, _ in describe_jobs(run.jobs)] == ["bad.png"]  # the rest is there


def test_spark_is_not_given_two_files_with_one_result(place):
    Image.from_array(np.zeros((4, 4), np.uint8)).save("in/a.tga.jpg")
    Path("in/a.tga.jpg").rename("in/a.jpg")
    with pytest.raises(ConfigError, match="would both be written"):
        describe_jobs(FolderRun(MAKE, ["in"], output=Path("out"), recursive=True).jobs)
    Path("empty").mkdir()
    with pytest.raises(ImageError, match="no images or clips"):
        describe_jobs(FolderRun(MAKE, ["empty"], output=Path("out")).jobs)


def test_the_pool_has_a_worker_for_each_cpu_or_gpu_that_there_is(monkeypatch):
    monkeypatch.setattr("kukkiri.cluster.on_ray.require", lambda *_, **__: None)
    monkeypatch.setattr("kukkiri.cluster.on_ray._set_variables", lambda **_: None)
    executor = RayExecutor("ray:auto", threads=4)
    assert executor._size_pool({"CPU": 30.0}, 3, gpus=False) == (7, 3)  # of all machines, and of one
    assert executor._size_pool({"CPU": 64.0, "GPU": 2.0}, 1, gpus=True) == (2, 2)
    with pytest.raises(BackendError, match="no worker has room, each takes 4 CPUs and a GPU"):
        executor._size_pool({"CPU": 64.0}, 2, gpus=True)
    with pytest.raises(ConfigError, match="--threads 4: this machine has 2"):
        RayExecutor("ray", threads=4, cpus=2)
