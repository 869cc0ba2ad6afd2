import os
from pathlib import Path

import pytest

from kukkiri.inference import memory


def test_available_memory_is_positive_and_no_more_than_there_is():
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < memory.find_free_memory() <= total


V2, V1 = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")


def limit(folder: Path, names: tuple[str, str], most: str, *, used: int = 0, cache: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{most}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\nactive_file 7\n")


@pytest.fixture
def process(tmp_path, monkeypatch):
    """Make this process a member of control groups in a tree that lies in a folder."""
    monkeypatch.setattr(memory, "_PROCESS", tmp_path)
    monkeypatch.setattr(memory, "_linux", lambda: 10**9)

    def join(memberships: str, mounts: str) -> None:
        (tmp_path / "cgroup").write_text(memberships)
        (tmp_path / "mountinfo").write_text(mounts)

    return join


def test_the_limit_of_the_own_group_wins_and_its_file_cache_counts_as_free(tmp_path, process):
    process("0::/\n", f"30 23 0:26 / {tmp_path}/tree rw,nosuid - cgroup2 cgroup rw\n")
    limit(tmp_path / "tree", V2, "1000000", used=600_000, cache=250_000)
    assert memory.find_free_memory() == 650_000


@pytest.mark.parametrize(("own", "above", "free"), [("300000", "max", 299_900), ("max", "200000", 199_900)])
def test_groups_below_the_root_and_all_above_them_count(tmp_path, process, own, above, free):
    process("0::/user/my job\n", f"30 23 0:26 / {tmp_path}/tree rw - cgroup2 cgroup rw\n")
    limit(tmp_path / "tree" / "user" / "my job", V2, own, used=100)
    limit(tmp_path / "tree" / "user", V2, above, used=100)
    limit(tmp_path / "tree" / "other", V2, "10")
    assert memory.find_free_memory() == free


def test_version_one_is_found_by_its_controller_beside_an_empty_version_two(tmp_path, process):
    process(
        "9:name=systemd:/\n4:memory,hugetlb:/job/7\n0::/\n",
        f"31 23 0:30 / {tmp_path}/cpu rw - cgroup cgroup rw,cpu\n"
        f"35 31 0:32 / {tmp_path}/mem rw - cgroup cgroup rw,memory\n"
        f"41 31 0:38 / {tmp_path}/unified rw - cgroup2 cgroup2 rw\n",
    )
    limit(tmp_path / "mem" / "job" / "7", V1, "9223372036854771712")
    limit(tmp_path / "mem" / "job", V1, "500000", used=200_000)
    limit(tmp_path / "cpu", V1, "1")
    assert memory.find_free_memory() == 300_000


def test_a_part_of_the_tree_that_is_mounted_in_a_container_is_found(tmp_path, process):
    process("0::/docker/a1/inner\n", f"30 23 0:26 /docker/a1 {tmp_path}/with\\040space ro - cgroup2 cgroup rw\n")
    limit(tmp_path / "with space" / "inner", V2, "max")
    limit(tmp_path / "with space", V2, "7000")
    assert memory.find_free_memory() == 7000


@pytest.mark.parametrize("most", ["max", ""])
def test_no_limit_is_no_limit(tmp_path, process, most):
    process("0::/\n", f"30 23 0:26 / {tmp_path}/tree rw - cgroup2 cgroup rw\n")
    limit(tmp_path / "tree", V2, most, used=1)
    assert memory.find_free_memory() == 10**9


def test_without_proc_the_usual_places_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_PROCESS", tmp_path)
    monkeypatch.setattr(memory, "_USUAL", {"cgroup2": tmp_path / "tree"})
    limit(tmp_path / "tree", V2, "4000", used=1000)
    assert memory.find_free_memory() == 3000


def test_where_the_system_says_nothing_half_of_the_memory_or_two_gigabytes_are_assumed(monkeypatch):
    monkeypatch.setattr(memory, "_find_groups", lambda process: [])
    monkeypatch.setattr(memory, "_linux", lambda: None)
    assert memory.find_free_memory() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    monkeypatch.setattr(memory, "_physical", lambda: None)
    assert memory.find_free_memory() == 2 * 2**30
