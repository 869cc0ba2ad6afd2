"""Runs on a real Ray and a real Spark of this machine, in processes of their own."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kukkiri.cli import run
from kukkiri.images import Image
from tests.benchmark_scripts import load_benchmark

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(os.name != "posix", reason="Ray and Spark are tried on POSIX systems"),
]


@pytest.fixture
def place(tmp_path, monkeypatch, rng):
    """A working directory with six photographs and a broken one, and the results of a local run."""
    monkeypatch.chdir(tmp_path)
    for number in range(6):
        path = Path("photos", "below" if number % 2 else "", f"{number}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.from_array(rng.integers(0, 256, (9, 11 + number, 3), dtype=np.uint8)).save(path)
    Path("photos/bad.png").write_bytes(b"no image")
    assert run(["upscale", "photos", "-r", "-o", "local", "--preset", "fast"]) == 1
    return tmp_path


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_ray_gives_the_bytes_of_a_local_run_and_one_bad_file_fails_alone(place):
    pytest.importorskip("ray", reason="needs the extra ray")
    command = [sys.executable, "-m", "kukkiri", "upscale", "photos", "-r", "-o", "out", "--preset", "fast"]
    ran = subprocess.run(
        [*command, "--on", "ray", "--manifest", "manifests"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1, ran.stderr
    assert ran.stderr.count("is not an image by its content") == 1
    assert "Traceback" not in ran.stderr
    assert contents("out") == contents("local")
    assert len(contents("out")) == 6
    Path("photos/bad.png").unlink()
    Image.from_array(np.zeros((3, 3), np.uint8)).save("photos/bad.png")
    assert run([*command[3:], "--manifest", "manifests", "--only-failed"]) == 0  # here, on with what Ray began
    assert run(["jobs", "summarize", "manifests", "--sources", "photos", "-r"]) == 0


def test_ray_reads_and_writes_a_store(place, tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="needs the extra ray")
    pytest.importorskip("s3fs", reason="needs the extra cloud")
    pytest.importorskip("moto.server", reason="moto, flask and flask-cors are not installed")
    scale_storage = load_benchmark("scale_storage")
    server, port = scale_storage.start_server(tmp_path)
    try:
        for name, value in (scale_storage.KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}).items():
            monkeypatch.setenv(name, value)
        client = scale_storage.open_client(port)
        client.create_bucket(Bucket="bucket")
        for path in Path("photos").rglob("*.*"):
            client.put_object(Bucket="bucket", Key=path.as_posix(), Body=path.read_bytes())
        manifests = ["--manifest", "s3://bucket/manifests"]
        command = ["upscale", "s3://bucket/photos", "-r", "-o", "s3://bucket/large", "--preset", "fast", *manifests]
        ran = subprocess.run(
            [sys.executable, "-m", "kukkiri", *command, "--on", "ray"], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 1, ran.stderr
        assert ran.stderr.count("s3://bucket/photos/bad.png: is not an image by its content") == 1
        assert "Traceback" not in ran.stderr
        found = {Path(key).relative_to("large"): body for key, body in scale_storage.read_objects(client, "large/")}
        assert found == contents("local")
        assert len(found) == 6
        image = Path("photos/0.jpg").read_bytes()
        client.put_object(Bucket="bucket", Key="photos/bad.png", Body=image)
        assert run([*command, "--only-failed"]) == 0  # here, on with what Ray began
        assert run(["jobs", "summarize", manifests[1], "--sources", "s3://bucket/photos", "-r"]) == 0
    finally:
        server.terminate()
        server.wait()


def test_a_killed_worker_of_ray_loses_nothing(tmp_path):
    pytest.importorskip("ray", reason="needs the extra ray")
    script = ROOT / "benchmarks" / "scale_ray.py"
    command = [sys.executable, str(script), "--images", "300", "--kill-after", "60", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stderr
    outcome = json.loads(ran.stdout)
    assert (outcome["done_rows"], outcome["equal"], outcome["twice"], outcome["strays"]) == (300, 300, 0, 0)
    assert (outcome["killed"], outcome["summarize"]) == (1, 0)
    assert outcome["processes"] >= 2


def test_the_lines_of_the_page_run_on_spark(place):
    pytest.importorskip("pyspark", reason="needs pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    (code,) = re.findall(r"```py\n(.*?)```", (ROOT / "docs/how-to/clusters.md").read_text("utf-8"), flags=re.DOTALL)
    environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    environment["PYSPARK_SUBMIT_ARGS"] = "--master local[2] --conf spark.ui.enabled=false pyspark-shell"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("6 done\n")
    assert "photos/bad.png: is not an image by its content" in ran.stdout
    assert contents("large") == contents("local")
