import json
import logging
import math
from pathlib import Path

import pytest

from kukkiri.evaluation import ScoreCache, default_cache_folder
from kukkiri.evaluation import cache as module
from kukkiri.evaluation.cache import file_digest

SETTING = {"model": "abc", "scale": 2, "protocol": "y-matlab"}
SCORES = {"psnr": 30.123456789012345, "ssim": 0.9}


def test_kept_scores_are_found_by_another_process_to_the_last_bit(tmp_path):
    first = ScoreCache(tmp_path / "deep" / "cache")
    assert first.find(SETTING, "image") == {}
    first.keep(SETTING, "image", {**SCORES, "niqe": None})
    assert first.find(SETTING, "image") == {**SCORES, "niqe": None}
    assert ScoreCache(first.folder).find(SETTING, "image") == {**SCORES, "niqe": None}


def test_infinity_survives(tmp_path):
    ScoreCache(tmp_path).keep(SETTING, "image", {"psnr": math.inf})
    assert ScoreCache(tmp_path).find(SETTING, "image") == {"psnr": math.inf}


@pytest.mark.parametrize("change", [{"model": "abd"}, {"scale": 3}, {"protocol": "rgb"}, {"ensemble": True}])
def test_any_other_setting_or_image_is_not_found(tmp_path, change):
    cache = ScoreCache(tmp_path)
    cache.keep(SETTING, "image", SCORES)
    assert cache.find({**SETTING, **change}, "image") == {}
    assert cache.find(SETTING, "other") == {}


def test_a_change_of_the_code_invalidates_everything(tmp_path, monkeypatch):
    ScoreCache(tmp_path).keep(SETTING, "image", SCORES)
    monkeypatch.setattr(module, "_code_digest", lambda: "after an edit")
    assert ScoreCache(tmp_path).find(SETTING, "image") == {}


def test_further_metrics_are_added_to_known_scores(tmp_path):
    ScoreCache(tmp_path).keep(SETTING, "image", SCORES)
    ScoreCache(tmp_path).keep(SETTING, "image", {"niqe": 4.5})
    assert ScoreCache(tmp_path).find(SETTING, "image") == {**SCORES, "niqe": 4.5}


def test_a_line_torn_by_a_crash_costs_only_itself(tmp_path):
    cache = ScoreCache(tmp_path)
    cache.keep(SETTING, "first", SCORES)
    (file,) = tmp_path.iterdir()
    with file.open("a", encoding="utf-8") as stream:
        stream.write('{"image": "second", "sco')
    after = ScoreCache(tmp_path)
    assert after.find(SETTING, "second") == {}
    after.keep(SETTING, "third", SCORES)
    again = ScoreCache(tmp_path)
    assert again.find(SETTING, "first") == again.find(SETTING, "third") == SCORES


def test_an_unreadable_file_is_ignored(tmp_path):
    cache = ScoreCache(tmp_path)
    cache.keep(SETTING, "image", SCORES)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"\xff\xfe\n" + json.dumps([1, 2]).encode())
    assert ScoreCache(tmp_path).find(SETTING, "image") == {}
    file.write_text('[1, 2]\n{"image": 3}\nnull\n', encoding="utf-8")
    assert ScoreCache(tmp_path).find(SETTING, "image") == {}


def test_a_folder_that_cannot_be_written_is_reported_once_and_stops_nothing(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    cache = ScoreCache(tmp_path / "file" / "below")
    with caplog.at_level(logging.WARNING):
        cache.keep(SETTING, "a", SCORES)
        cache.keep(SETTING, "b", SCORES)
    assert cache.find(SETTING, "b") == SCORES  # remembered while the process lives
    assert len(caplog.records) == 1
    assert "cannot be written" in caplog.text


def test_a_digest_is_of_the_bytes_and_of_where_one_file_ends(tmp_path):
    for name, content in (("a", b"12"), ("b", b"3"), ("c", b"1"), ("d", b"23")):
        (tmp_path / name).write_bytes(content)
    a, b, c, d = (tmp_path / name for name in "abcd")
    assert file_digest(a) != file_digest(b)
    assert file_digest(a, b) != file_digest(c, d)
    (tmp_path / "e").write_bytes(b"12")
    assert file_digest(tmp_path / "e") == file_digest(a)


def test_the_folder_is_the_named_one_or_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("KUKKIRI_CACHE", str(tmp_path))
    assert default_cache_folder() == tmp_path / "scores"
    monkeypatch.delenv("KUKKIRI_CACHE")
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_folder() == tmp_path / "kukkiri" / "scores"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_folder() == Path.home() / ".cache" / "kukkiri" / "scores"
    monkeypatch.setattr(module.sys, "platform", "darwin")
    assert default_cache_folder() == Path.home() / "Library" / "Caches" / "kukkiri" / "scores"
    monkeypatch.setattr(module.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert default_cache_folder() == tmp_path / "kukkiri" / "scores"
