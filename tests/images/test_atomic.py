import os
import stat

import pytest

from kukkiri.images import write_atomically


def test_bytes_arrive_and_nothing_else(tmp_path):
    write_atomically(tmp_path / "a.bin", b"new")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.bin", b"new")]


def test_an_existing_file_stays_unless_overwriting_is_asked(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_atomically(file, b"new")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.bin", b"old")]
    write_atomically(file, b"new", overwrite=True)
    assert file.read_bytes() == b"new"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_whatever_is_raised_the_old_file_stays_and_no_other_is_left(tmp_path, monkeypatch, error, step):
    file = tmp_path / "a.bin"
    file.write_bytes(b"old")

    def fail(*_):
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        write_atomically(file, b"new", overwrite=True)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a.bin", b"old")]


def test_the_data_is_on_the_disk_before_the_name_changes(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append("fsync"), fsync(number)))
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append("replace"), replace(*names)))
    write_atomically(tmp_path / "a.bin", b"new")
    assert calls == ["fsync", "replace"]


def test_a_new_file_has_the_permissions_that_the_umask_gives(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a.bin", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o640


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"old")
    file.chmod(0o604)
    write_atomically(file, b"new", overwrite=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o604


def test_a_link_is_followed_not_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    file, link = tmp_path / "real" / "a.bin", tmp_path / "link.bin"
    file.write_bytes(b"old")
    link.symlink_to(file)
    write_atomically(link, b"new", overwrite=True)
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
