"""Azure and Google Cloud Storage: the same run against an emulator of each on the loopback.

``npm install --global azurite`` and ``pip install adlfs`` for one, ``pip install gcsfs gcp-storage-emulator`` for the
other.
"""

import json
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from kukkiri import cli
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.storage import StoreURL, fetch_folder, open_store

pytestmark = pytest.mark.nightly
MODEL = ("--model", "nearest", "--quiet")
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Of every Azurite, and published with it."""


@contextmanager
def serve(command, port, log):
    """Run an emulator until the end, from when it answers on."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(log.read_text())
        yield
    finally:
        process.terminate()
        process.wait()


def find_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@contextmanager
def serve_azure(folder, monkeypatch):
    pytest.importorskip("adlfs", reason="needs adlfs")
    program = shutil.which("azurite-blob")
    if program is None:
        pytest.skip("needs azurite, of npm")
    port = find_port()
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING",
        f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY};"
        f"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;",
    )
    options = ("--blobHost", "127.0.0.1", "--skipApiVersionCheck", "--location", str(folder / "azurite"))
    with serve([program, "--blobPort", str(port), *options], port, folder / "azurite.log"):
        from azure.storage.blob import BlobServiceClient

        connection = f"http://127.0.0.1:{port}/devstoreaccount1"
        with BlobServiceClient(connection, credential=KEY) as client:
            client.create_container("bucket")
        yield


@contextmanager
def serve_google(folder, monkeypatch):
    pytest.importorskip("gcsfs", reason="needs gcsfs")
    pytest.importorskip("gcp_storage_emulator", reason="needs gcp-storage-emulator")
    port = find_port()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", str(port)]
    with serve([*command, "--in-memory", "--default-bucket", "bucket"], port, folder / "gcs.log"):
        yield


@pytest.fixture(params=["az", "gs"])
def scheme(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with {"az": serve_azure, "gs": serve_google}[request.param](tmp_path, monkeypatch):
        open_store.cache_clear()
        yield request.param
        open_store.cache_clear()


def put_images(scheme, rng):
    """The same images on the disk and in the store."""
    store = open_store(scheme)
    for number in range(7):
        path = Path("in", "deep" if number % 2 else "", f"{number}.{'jpg' if number % 3 else 'png'}")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.from_array(rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)).save(path)
        store.write(StoreURL(scheme, "bucket", f"photos/{path.relative_to('in').as_posix()}"), path)


def test_shards_over_an_emulator_give_the_results_of_files(scheme, rng, capsys):
    put_images(scheme, rng)
    assert cli.run(["upscale", "in", "-r", "-o", "whole", *MODEL]) == 0
    base = f"{scheme}://bucket"
    command = ["upscale", f"{base}/photos", "-r", "-o", f"{base}/large", *MODEL, "--manifest", f"{base}/manifests"]
    assert [cli.run([*command, "--shard", f"{index}/2", "--resume"]) for index in (1, 2)] == [0, 0]
    capsys.readouterr()
    assert cli.run(["jobs", "summarize", f"{base}/manifests", "--sources", f"{base}/photos", "-r", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["done"], summary["missing"], summary["doubled"], summary["clean"]) == (7, 0, 0, True)
    fetched = fetch_folder(StoreURL(scheme, "bucket", "large"), Path("fetched"))
    assert (fetched.copied, fetched.problems) == (7, ())
    whole = {path.relative_to("whole"): path.read_bytes() for path in Path("whole").rglob("*.png")}
    assert {path: Path("fetched", path).read_bytes() for path in whole} == whole
    assert cli.run([*command, "--shard", "1/2"]) == 1  # there is a manifest
    assert "exists already" in capsys.readouterr().err
    Image.from_array(np.zeros((4, 4, 3), np.uint8)).save("new.png")
    store = open_store(scheme)
    before = store.stat(StoreURL(scheme, "bucket", "large/0.png"))
    store.write(StoreURL(scheme, "bucket", "photos/0.png"), Path("new.png"))
    assert [cli.run([*command, "--shard", f"{index}/2", "--resume"]) for index in (1, 2)] == [0, 0]
    assert store.stat(StoreURL(scheme, "bucket", "large/0.png")) != before  # the source has changed


def test_the_requests_of_a_store(scheme):
    store, url = open_store(scheme), StoreURL(scheme, "bucket", "few")
    assert store.stat(url / "a") is None
    store.write(url / "a", b"0123456789", create=True)
    if scheme != "gs":  # its emulator knows no conditions (ifGenerationMatch)
        with pytest.raises(FileExistsError):
            store.write(url / "a", b"other", create=True)
    assert store.read(url / "a") == b"0123456789"
    assert store.read(url / "a", begin=3, end=6) == b"345"
    before = store.stat(url / "a")
    assert before.size == 10
    assert before.etag
    store.write(url / "a", b"9876543210")
    assert store.stat(url / "a").etag != before.etag
    store.write(url / "deep/er/b", b"x")
    assert [state.url.key for state in store.list(url)] == ["few/a", "few/deep/er/b"]
    assert [state.url.key for state in store.list(url, recursive=False)] == ["few/a"]
    assert [state.etag for state in store.list(url, recursive=False)] == [store.stat(url / "a").etag]
    with pytest.raises(FileNotFoundError):
        store.read(url / "none")
    with pytest.raises(ConfigError, match=f"{scheme}://nowhere: no such bucket"):
        store.write(StoreURL(scheme, "nowhere", "a"), b"x")
