"""The seam to a store, over the memory of this process."""

import subprocess
import sys
from pathlib import Path

import pytest

from kukkiri.errors import BackendError, ConfigError
from kukkiri.storage import StoreURL, fetch_folder, open_store, stores
from kukkiri.storage.stores import ObjectState

fsspec = pytest.importorskip("fsspec")
URL = StoreURL("memory", "bucket", "folder")


@pytest.fixture
def store():
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    return open_store("memory")


def test_what_is_written_is_listed_read_and_told(store):
    store.write(URL / "b/c.bin", b"12345")
    store.write(URL / "a.bin", b"123")
    store.write(StoreURL("memory", "bucket", "folder2/x"), b"beside")
    assert [(str(each.url), each.size) for each in store.list(URL)] == [
        ("memory://bucket/folder/a.bin", 3),
        ("memory://bucket/folder/b/c.bin", 5),
    ]
    assert [each.url.name for each in store.list(URL, recursive=False)] == ["a.bin"]
    assert store.read(URL / "b/c.bin") == b"12345"
    assert store.read(URL / "b/c.bin", begin=1, end=3) == b"23"
    assert store.stat(URL / "a.bin").size == 3
    assert store.stat(URL / "b") is None  # a folder is no object
    assert store.stat(URL / "none") is None
    assert list(store.list(URL / "none")) == []


def test_the_etag_changes_with_the_object(store):
    store.write(URL / "a", b"1")
    before = store.stat(URL / "a")
    assert store.stat(URL / "a") == before
    store.write(URL / "a", b"2")
    assert store.stat(URL / "a").etag != before.etag


def test_an_object_that_is_to_be_new_replaces_none(store):
    store.write(URL / "a", b"first", create=True)
    with pytest.raises(FileExistsError):
        store.write(URL / "a", b"second", create=True)
    store.write(URL / "a", b"first", create=True)  # as after an answer that was lost
    assert store.read(URL / "a") == b"first"


def test_a_large_object_is_fetched_range_by_range(store, tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "_BLOCK", 4)
    store.write(URL / "a", b"0123456789")
    asked = []
    read = store._files.cat_file
    monkeypatch.setattr(
        store._files, "cat_file", lambda path, **ranged: asked.append(ranged) or read(path, **ranged), raising=False
    )
    store.fetch(store.stat(URL / "a"), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"0123456789"
    assert asked == [{"start": 0, "end": 4}, {"start": 4, "end": 8}, {"start": 8, "end": 10}]


def test_an_object_that_was_replaced_meanwhile_is_refused(store, tmp_path, monkeypatch):
    store.write(URL / "a", b"0123456789")
    state = store.stat(URL / "a")
    with pytest.raises(BackendError, match="was replaced while it was read"):
        store.fetch(ObjectState(state.url, 4, state.etag), tmp_path / "a")
    monkeypatch.setattr(stores, "_BLOCK", 4)
    store.write(URL / "a", b"9876543210")
    with pytest.raises(BackendError, match="was replaced while it was read"):
        store.fetch(state, tmp_path / "a")


def test_a_file_goes_up_as_a_whole(store, tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "_ONE_PUT", 4)
    for size in (3, 9):
        (tmp_path / "a").write_bytes(b"x" * size)
        store.write(URL / f"{size}", tmp_path / "a")
        assert store.read(URL / f"{size}") == b"x" * size


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(BackendError, match=r's3:// needs fsspec\. Install it: pip install "kukkiri\[cloud\]"$'):
        stores.Store("s3")


def test_a_library_beside_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(BackendError, match=r'gs:// needs gcsfs\. Install it: pip install "kukkiri\[cloud\]" gcsfs$'):
        stores.Store("gs")


def test_nothing_of_it_is_imported_before_a_url_is_named():
    code = (
        "import sys, kukkiri, kukkiri.storage, kukkiri.cluster, kukkiri.cli.upscale, kukkiri.cli.jobs\n"
        "assert not {'fsspec', 's3fs', 'aiobotocore'} & set(sys.modules), 'fsspec'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_folder_is_fetched_and_only_what_changed_again(store, tmp_path):
    for name in ("a.png", "deep/b.png", ".hidden/c.png"):
        store.write(URL / name, name.encode())
    first = fetch_folder(URL, tmp_path / "set")
    assert (first.objects, first.copied, first.bytes) == (2, 2, len("a.pngdeep/b.png"))
    assert first.problems == ()
    assert (tmp_path / "set/deep/b.png").read_bytes() == b"deep/b.png"
    assert fetch_folder(URL, tmp_path / "set").copied == 0
    store.write(URL / "a.png", b"A.PNG")  # of the same size
    Path(tmp_path, "set/deep/b.png").write_bytes(b"cut")
    assert fetch_folder(URL, tmp_path / "set").copied == 2
    assert (tmp_path / "set/a.png").read_bytes() == b"A.PNG"


def test_a_folder_without_objects_is_an_error(store, tmp_path):
    with pytest.raises(ConfigError, match="memory://bucket/folder: no objects here"):
        fetch_folder(URL, tmp_path / "set")
