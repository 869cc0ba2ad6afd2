import os
from pathlib import Path

import pytest

from kukkiri.inference import memory


def test_available_memory_is_positive_and_no_more_than_there_is():
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < memory.find_free_memory() <= total


def group(folder: Path, limit: str, used: int, cache: int) -> tuple[str, str, str]:
    (folder / "max").write_text(f"{limit}\n")
    (folder / "current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\nactive_file 7\n")
    return str(folder), "max", "current"


def test_a_container_limit_wins_and_its_file_cache_counts_as_free(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_GROUPS", (group(tmp_path, "1000000", 600_000, 250_000),))
    assert memory.find_free_memory() == 650_000


@pytest.mark.parametrize("limit", ["max", ""])
def test_no_limit_is_no_limit(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(memory, "_GROUPS", (group(tmp_path, limit, 1, 1),))
    monkeypatch.setattr(memory, "_linux", lambda: 12345)
    assert memory.find_free_memory() == 12345


def test_where_the_system_says_nothing_half_of_the_memory_or_two_gigabytes_are_assumed(monkeypatch):
    monkeypatch.setattr(memory, "_GROUPS", ())
    monkeypatch.setattr(memory, "_linux", lambda: None)
    assert memory.find_free_memory() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    monkeypatch.setattr(memory, "_physical", lambda: None)
    assert memory.find_free_memory() == 2 * 2**30
