import os
import stat
import subprocess
import sys
import time

import pytest

from kukkiri.errors import ConfigError
from kukkiri.files import (
    IMAGE_SUFFIXES,
    check_folder,
    drop_temporary_files,
    list_files,
    list_images,
    make_folder,
    replacing,
    require_folder,
    require_images,
    sweep_temporary_files,
    write_atomically,
)


def test_bytes_arrive_and_nothing_else(tmp_path):
    write_atomically(tmp_path / "a.bin", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.bin", b"new")]


def test_an_existing_file_stays_unless_overwriting_is_asked(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_atomically(file, b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.bin", b"old")]
    write_atomically(file, b"new", overwrite=True)
    assert file.read_bytes() == b"new"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_after_any_exception_the_old_file_stays_and_no_other_is_left(tmp_path, monkeypatch, error, step):
    file = tmp_path / "a.bin"
    file.write_bytes(b"old")

    def fail(*_):
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        write_atomically(file, b"new", overwrite=True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.bin", b"old")]


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


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"old")

    def fail_halfway(path):
        path.write_bytes(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError), replacing(file, overwrite=True) as temporary:
        fail_halfway(temporary)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.bin", b"old")]


def test_only_old_temporary_files_of_dead_processes_are_swept(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    hours_ago = time.time() - 2 * 3600
    names = {
        "dead": f".kukkiri-{ended.pid}-0123456789abcdef.tmp",
        "alive": f".kukkiri-{os.getpid()}-0123456789abcdef.tmp",
        "new": f".kukkiri-{ended.pid}-fedcba9876543210.tmp",
        "the user's": ".kukkiri-notes.tmp",
    }
    for kind, name in names.items():
        (tmp_path / name).touch()
        if kind != "new":
            os.utime(tmp_path / name, (hours_ago, hours_ago))
    assert sweep_temporary_files(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(names.values()) - {names["dead"]})


def fill(folder, names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_images_are_listed_by_suffix_in_either_case_and_sorted(tmp_path):
    fill(tmp_path, ["b.JPG", "a.png", "notes.txt", "c.tiff.part", "below/d.png"])
    (tmp_path / "folder.png").mkdir()
    assert list_images(tmp_path) == (tmp_path / "a.png", tmp_path / "b.JPG")
    fill(tmp_path / "every", [f"a{suffix}" for suffix in IMAGE_SUFFIXES])
    assert len(list_images(tmp_path / "every")) == len(IMAGE_SUFFIXES)


def test_a_recursive_list_holds_the_folders_below(tmp_path):
    fill(tmp_path, ["z.png", "below/a.webp", "below/deeper/b.gif", "below/c.txt"])
    names = [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path, recursive=True)]
    assert names == ["below/a.webp", "below/deeper/b.gif", "z.png"]


def test_a_missing_folder_and_a_file_hold_no_images(tmp_path):
    fill(tmp_path, ["a.png"])
    assert list_images(tmp_path / "none") == ()
    assert list_images(tmp_path / "a.png") == ()


def test_required_images_that_are_missing_are_one_line(tmp_path):
    with pytest.raises(ConfigError, match="none: no such folder of images"):
        require_images(tmp_path / "none")
    with pytest.raises(ConfigError, match=r"no images here\. Known types: \.apng, \.avif, "):
        require_images(tmp_path)
    fill(tmp_path, ["a.png"])
    assert require_images(tmp_path) == (tmp_path / "a.png",)


def test_what_a_dead_process_of_this_machine_left_is_swept_at_once(tmp_path):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom kukkiri.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as temporary:\n    os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.bin")], check=False)
    (left,) = tmp_path.iterdir()
    with replacing(tmp_path / "b.bin") as mine:
        assert sweep_temporary_files(tmp_path) == 1
        assert mine.exists()
    assert not left.exists()


def test_a_process_that_does_not_wait_drops_what_it_was_writing(tmp_path):
    def write():
        with replacing(tmp_path / "a.bin") as temporary:
            drop_temporary_files()
            assert not temporary.exists()

    with pytest.raises(FileNotFoundError):
        write()
    assert not list(tmp_path.iterdir())


def test_names_that_begin_with_a_dot_are_no_images(tmp_path):
    for name in ("a.png", "._a.png", ".hidden/b.png", "below/c.PNG", "below/.d.png", "below/e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list_images(tmp_path) == (tmp_path / "a.png",)
    assert list_images(tmp_path, recursive=True) == (tmp_path / "a.png", tmp_path / "below" / "c.PNG")
    assert list_files(tmp_path / "below") == (tmp_path / "below" / "c.PNG", tmp_path / "below" / "e.txt")
    assert list_images(tmp_path / ".hidden") == (tmp_path / ".hidden" / "b.png",)  # named, so meant
    assert list_images(tmp_path / "none") == ()


def test_a_folder_is_made_unless_a_file_is_in_the_way(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file: this folder cannot be made \(a file is in its place\)"):
        make_folder(tmp_path / "file")
    with pytest.raises(ConfigError, match=r"c: this folder cannot be made \(.*file is a file\)"):
        check_folder(tmp_path / "file" / "b" / "c")
    check_folder(tmp_path / "new" / "folder")
    assert not (tmp_path / "new").exists()


def test_a_file_is_no_folder_of_images(tmp_path):
    (tmp_path / "a.png").write_text("")
    with pytest.raises(ConfigError, match=r"a\.png: is a file; expected a folder of images"):
        require_folder(tmp_path / "a.png")
