"""S3 itself: moto's server on the loopback, behind a proxy that injects faults."""

import logging
import random

import pytest

from kukkiri import cli
from kukkiri.errors import ConfigError
from kukkiri.storage import StoreURL, fetch_folder, open_store, retrying, stores
from tests.benchmark_scripts import load_benchmark

pytest.importorskip("s3fs")
pytest.importorskip("moto.server", reason="moto, flask and flask-cors are not installed")
scale_storage = load_benchmark("scale_storage")
URL = StoreURL("s3", "bucket", "photos")
LONG, SHORT = 60.0, 4.0  # seconds to wait for an answer, on a machine that does much else


@pytest.fixture(scope="module")
def server():
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    yield running.get_host_and_port()[1]
    running.stop()


@pytest.fixture
def proxy(server, monkeypatch, request):
    timeout = getattr(request, "param", LONG)
    with scale_storage.FlakyProxy(server, share=0.0, chance=random.Random(5), timeout=timeout) as running:
        for name, value in scale_storage.KEYS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{running.port}")
        monkeypatch.setattr(retrying, "PATIENCE", retrying.Patience(attempts=8, first=0.05, longest=0.2))
        config = stores._OPTIONS["s3"]["config_kwargs"]
        monkeypatch.setitem(config, "read_timeout", timeout)
        client = scale_storage.open_client(server)
        client.create_bucket(Bucket="bucket")
        open_store.cache_clear()
        yield running
        open_store.cache_clear()
        for key, _ in scale_storage.read_objects(client, ""):
            client.delete_object(Bucket="bucket", Key=key)
        client.delete_bucket(Bucket="bucket")


@pytest.mark.parametrize("proxy", [SHORT], indirect=True)
def test_nothing_is_lost_when_one_request_in_eight_fails(server, proxy, tmp_path):
    images = 30
    scale_storage.make_images(tmp_path / "in", images)
    assert cli.run(["upscale", str(tmp_path / "in"), "-r", "-o", str(tmp_path / "whole"), *scale_storage.MODEL]) == 0
    client = scale_storage.open_client(server)
    for path in (tmp_path / "in").rglob("*.png"):
        key = f"photos/{path.relative_to(tmp_path / 'in').as_posix()}"
        client.put_object(Bucket="bucket", Key=key, Body=path.read_bytes())
    proxy._share = 0.125
    assert [cli.run(scale_storage.upscale(f"{index}/2")) for index in (1, 2)] == [0, 0]
    assert sum(proxy.faults.values()) > 10
    proxy._share = 0.0
    code = cli.run(["jobs", "summarize", "s3://bucket/manifests", "--sources", "s3://bucket/photos", "-r"])
    assert code == 0
    found = {key.removeprefix("large/"): body for key, body in scale_storage.read_objects(client, "large/")}
    whole = tmp_path / "whole"
    assert found == {path.relative_to(whole).as_posix(): path.read_bytes() for path in whole.rglob("*.png")}
    assert len(found) == images


@pytest.mark.parametrize("proxy", [SHORT], indirect=True)
def test_each_fault_is_overcome_and_a_refusal_is_not_repeated(server, proxy, monkeypatch):
    store = open_store("s3")
    store.write(URL / "a", b"content" * 100)
    for fault in scale_storage.FAULTS:
        left = [fault, fault]
        monkeypatch.setattr(proxy, "choose_fault", lambda method, left=left: left.pop() if left else "")
        assert store.read(URL / "a") == b"content" * 100, fault
        assert left == []
    left = ["lost"]  # the server has written it, and did not say so
    monkeypatch.setattr(proxy, "choose_fault", lambda method: left.pop() if left else "")
    store.write(URL / "new", b"new", create=True)
    with pytest.raises(FileExistsError):
        store.write(URL / "new", b"another", create=True)
    monkeypatch.undo()


def test_what_is_not_there_and_what_is_forbidden_are_asked_for_once(server, proxy, monkeypatch):
    store = open_store("s3")
    nowhere = StoreURL("s3", "nowhere", "photos")
    assert store.stat(URL / "none") is None
    assert proxy.requests == {"HEAD": 1}
    with pytest.raises(ConfigError, match="s3://nowhere: no such bucket"):
        next(store.list(nowhere))
    with pytest.raises(ConfigError, match="s3://nowhere: no such bucket"):
        store.write(nowhere / "a", b"1")
    with pytest.raises(FileNotFoundError):
        store.read(URL / "none")
    assert (proxy.requests["GET"], proxy.requests["PUT"]) == (2, 1)
    asked = []
    monkeypatch.setattr(proxy, "choose_fault", lambda method: asked.append(method) or "403")
    for request in (store.stat, store.read):
        with pytest.raises(ConfigError, match=r"the store refuses it .*\. Check the credentials and the rights"):
            request(URL / "a")
    assert len(asked) == 2
    monkeypatch.undo()


def test_pages_are_listed_one_after_the_other(server, proxy, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "4")
    store = open_store("s3")
    for name in ("a", "b", "c", "d", "e", "deep/f"):
        store.write(URL / name, b"x")
    found = store.list(URL)
    next(found)
    assert proxy.requests["GET"] == 1  # the second page is asked for when the first one is read
    assert len(list(found)) == 5
    assert proxy.requests["GET"] == 2
    assert [each.url.name for each in store.list(URL, recursive=False)] == ["a", "b", "c", "d", "e"]


def test_keys_that_are_no_paths_are_named(server, proxy, tmp_path):
    for key in ("a.txt", "/odd.txt"):
        open_store("s3").write(StoreURL("s3", "bucket", f"photos/{key}"), b"x")
    fetched = fetch_folder(URL, tmp_path / "set")
    assert (fetched.objects, fetched.copied) == (2, 1)
    assert fetched.problems == (
        "s3://bucket/photos//odd.txt: its key can be no path (// or ..). Copy it under another.",
    )
