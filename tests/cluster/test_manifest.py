"""Manifests: rows, torn ends, damage, locks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kukkiri.cluster import Header, Making, Manifest, Row, Shard, find_manifests, read_manifest
from kukkiri.cluster.fingerprints import hash_model
from kukkiri.cluster.manifest import SourceIdentity, name_manifest
from kukkiri.errors import ConfigError

MAKING = Making({"--scale": 2.0, "--model-args": []}, "fast", "ab" * 32, "1.0")
HEADER = Header(shard=Shard(3, 16), making=MAKING, began=1.5)
ROWS = [
    Row(state="begun", source="a.png", target="a.png", at=2.0, identity=SourceIdentity(7, 8)),
    Row(
        state="done",
        source="a.png",
        target="a.png",
        at=3.0,
        identity=SourceIdentity(7, None, "e"),
        result_bytes=9,
        sha256="cd" * 32,
        seconds=0.5,
        cpu_seconds=0.25,
        notes=("EXIF was dropped",),
    ),
    Row(state="failed", source="\udcff\n.png", target="", at=4.0, error="no image", left=True),
]


@pytest.fixture
def path(tmp_path):
    return name_manifest(tmp_path, HEADER.shard)


def write(path, rows, *, anew=False):
    manifest = Manifest(path, HEADER, anew=anew)
    for row in rows:
        manifest.append(row)
    manifest.close()


def test_what_is_written_is_read_one_object_a_line(path):
    write(path, ROWS[:1])
    write(path, ROWS[1:])
    header, rows = read_manifest(path)
    assert (header, list(rows)) == (HEADER, ROWS)
    assert header.fingerprint == MAKING.fingerprint
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert lines[0]["model"] == {"name": "fast", "sha256": "ab" * 32}
    assert lines[1] == {"state": "begun", "source": "a.png", "target": "a.png", "at": 2.0, "size": 7, "mtime_ns": 8}
    assert path.name == "shard-0003-of-0016.jsonl"
    assert find_manifests(path.parent) == {Shard(3, 16): path}


def test_a_torn_end_is_cut_wherever_it_is_torn(path):
    write(path, ROWS)
    whole = path.read_bytes()
    ends = [number + 1 for number, byte in enumerate(whole) if byte == 10]
    for cut in sorted({0, 1, *(end + step for end in ends for step in (-9, -1, 0, 1))} & set(range(len(whole)))):
        path.write_bytes(whole[:cut])
        write(path, [])
        rows = max(0, sum(end <= cut for end in ends) - 1)
        assert list(read_manifest(path)[1]) == ROWS[:rows], cut
    path.write_bytes(whole + b"\0" * 500)  # a file system may leave zeros behind
    write(path, [])
    assert path.read_bytes() == whole


def test_a_manifest_in_work_is_read_up_to_its_last_whole_line(path):
    write(path, ROWS)
    path.write_bytes(path.read_bytes()[:-5])
    assert list(read_manifest(path)[1]) == ROWS[:-1]


def test_damage_in_the_middle_is_an_error_with_its_line(path):
    write(path, ROWS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1][:20] + b"\n", *lines[2:]]))
    with pytest.raises(ConfigError, match=r"shard-0003-of-0016.jsonl, line 2: damaged"):
        Manifest(path, HEADER, anew=False)
    path.write_bytes(b"".join([lines[0], b'{"state": "new"}\n', *lines[2:]]))
    with pytest.raises(ConfigError, match=r"line 2: damaged"):
        list(read_manifest(path)[1])
    path.write_bytes(b"{}\n")
    with pytest.raises(ConfigError, match="no manifest of kukkiri"):
        read_manifest(path)


OPEN = """
import sys
from pathlib import Path
from kukkiri.errors import ConfigError
from tests.cluster.test_manifest import HEADER, Manifest
try:
    Manifest(Path(sys.argv[1]), HEADER, anew=True).close()
    print("opened")
except ConfigError as error:
    print(error)
"""


def test_a_second_process_on_a_shard_is_refused_and_cuts_nothing(path):
    pytest.importorskip("fcntl", reason="no such locks here")
    manifest = Manifest(path, HEADER, anew=False)
    manifest.append(ROWS[0])
    command = [sys.executable, "-c", OPEN, str(path)]
    for said in ("another process works on this shard", "opened"):
        ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        assert said in ran.stdout
        if said != "opened":
            assert list(read_manifest(path)[1]) == ROWS[:1]
        manifest.close()


def test_makings_differ_by_options_weights_and_version(tmp_path):
    other = Making({"--scale": 3.0, "--model-args": []}, "best", "cd" * 32, "1.1")
    assert MAKING.differences(other) == [
        "--scale (2.0 there, 3.0 here)",
        "the model (fast there, best here)",
        "kukkiri (1.0 there, 1.1 here)",
    ]
    assert len({making.fingerprint for making in (MAKING, other)}) == 2
    assert MAKING.differences(Making(MAKING.options, "fast", "cd" * 32, "1.0")) == ["the weights of fast"]


def test_the_hash_of_a_model_covers_its_weights(tmp_path):
    graph = tmp_path / "own.onnx"
    graph.write_bytes(b"graph")
    alone = hash_model(str(graph))
    graph.with_name("own.onnx.data").write_bytes(b"weights")
    beside = hash_model(str(graph))
    graph.with_name("own.onnx.data").write_bytes(b"others!")
    names = ("bicubic", "nearest", "fast", "balanced", "best")
    assert len({alone, beside, hash_model(str(graph)), *map(hash_model, names)}) == 8
    assert hash_model("balanced") == hash_model("balanced")
