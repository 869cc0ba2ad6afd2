"""The summary of manifests."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kukkiri.cluster import Header, Making, Manifest, Row, Shard, summarize
from kukkiri.cluster.manifest import name_manifest
from kukkiri.errors import ConfigError

MAKING = Making({"--scale": 2.0}, "fast", "ab" * 32, "1.0")


def write(folder, index, rows, *, count=2, making=MAKING, began=100.0):
    header = Header(shard=Shard(index, count), making=making, began=began)
    manifest = Manifest(name_manifest(folder, header.shard), header, anew=True)
    for row in rows:
        manifest.append(row)
    manifest.close()


def row(state, source, **more):
    return Row(**{"state": state, "source": source, "target": source, "at": 110.0, **more})


def done(source, **more):
    return row("done", source, **{"result_bytes": 10, "seconds": 0.5, "cpu_seconds": 0.25, **more})


def list_of(*names):
    return [(Path(name), Path(name)) for name in names]


def test_a_complete_run_is_clean(tmp_path):
    write(tmp_path, 1, [row("begun", "a"), row("failed", "a", error="x"), row("begun", "a"), done("a", at=150.0)])
    write(tmp_path, 2, [done("b/c", at=120.0)], began=90.0)
    summary = summarize(tmp_path, sources=list_of("a", "b/c"))
    assert summary.clean
    assert (summary.done, summary.failed, summary.interrupted, summary.missing, summary.doubled) == (2, 0, 0, 0, 0)
    assert (summary.bytes, summary.seconds, summary.cpu_seconds, summary.elapsed) == (20, 1.0, 0.5, 60.0)
    assert summary.images_per_second == 2 / 60
    assert summary.shard_elapsed == (40.0, 50.0)
    assert summarize(tmp_path).missing is None


def test_everything_that_is_wrong_is_counted_and_named(tmp_path):
    write(
        tmp_path,
        1,
        [
            *(row("failed", f"x/{name}.png", error=f"in/x/{name}.png: is not an image.") for name in "ab"),
            row("failed", "c.png", error="disk full"),
            row("begun", "d.png"),
            done("twice.png"),
            done("one.png", target="same"),
            done("\udcff.png"),
        ],
    )
    write(tmp_path, 3, [done("twice.png"), done("other.png", target="same")], count=3)
    name_manifest(tmp_path, Shard(1, 2)).rename(name_manifest(tmp_path, Shard(1, 3)))
    with pytest.raises(ConfigError, match="is the manifest of shard 1/2"):
        summarize(tmp_path)
    path = name_manifest(tmp_path, Shard(1, 3))
    path.write_text(path.read_text().replace('"count": 2', '"count": 3'))
    summary = summarize(tmp_path, sources=list_of("x/a.png", "twice.png", "new.png"))
    assert not summary.clean
    assert summary.without_manifest == (2,)
    assert (summary.done, summary.failed, summary.interrupted, summary.missing, summary.doubled) == (4, 3, 1, 1, 3)
    assert [(group.reason, group.count, group.examples) for group in summary.failures] == [
        ("is not an image.", 2, ("x/a.png", "x/b.png")),
        ("disk full", 1, ("c.png",)),
    ]
    assert summary.examples["doubled"] == ("one.png", "other.png", "twice.png")
    assert summary.examples["missing"] == ("new.png",)
    assert summary.examples["gone"] == ("c.png", "d.png", "one.png", "other.png", "x/b.png", "\udcff.png")


def test_mixed_makings_are_never_clean(tmp_path):
    write(tmp_path, 1, [done("a")])
    write(tmp_path, 2, [done("b")], making=replace(MAKING, options={"--scale": 3.0}))
    summary = summarize(tmp_path)
    assert not summary.clean
    assert summary.differences == ("--scale (3.0 there, 2.0 here)",)


def test_folders_without_one_run_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no manifests here"):
        summarize(tmp_path)
    write(tmp_path, 1, [], count=2)
    write(tmp_path, 1, [], count=4)
    with pytest.raises(ConfigError, match="manifests of 2 and 4 shards"):
        summarize(tmp_path)


MEMORY = """
import resource, sys
from pathlib import Path
from kukkiri.cluster import summarize
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert summarize(Path(sys.argv[1])).done == 30_000
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_memory_does_not_grow_with_the_rows(tmp_path):
    pytest.importorskip("resource")
    write(tmp_path, 1, [], count=1)
    with name_manifest(tmp_path, Shard(1, 1)).open("ab") as file:
        file.writelines(
            done(f"{number:0500}").to_line() for number in range(30_000)
        )  # 15 MB of names, three times in the tables
    ran = subprocess.run([sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 40e6  # SQLite's cache of 16 MB, and a batch of rows
