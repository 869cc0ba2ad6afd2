"""Lists of sources: lines, NUL-terminated names, tables."""

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kukkiri.cluster import SourceList
from kukkiri.errors import BackendError, ConfigError


def read(text):
    with SourceList(str(text)) as listed:
        first, again = list(listed), list(listed)
    assert first == again
    return [(path.as_posix(), below.as_posix()) for path, below in first]


def test_lines_are_names_whatever_they_begin_with(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeff#1.png\r\n\r\n sub/two words.png\n/data/x.jpg\n../up/y.jpg\n./a/../z.png".encode())
    assert read(path) == [
        ("#1.png", "#1.png"),
        (" sub/two words.png", " sub/two words.png"),
        ("/data/x.jpg", "data/x.jpg"),
        ("../up/y.jpg", "up/y.jpg"),
        ("a/../z.png", "z.png"),
    ]


@pytest.mark.skipif(os.name == "nt", reason="names there are no bytes")
def test_names_that_end_with_nul_may_hold_line_breaks_and_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "list"
    path.write_bytes(b"a\nb.png\0\xff.png\0")
    assert read(path) == [("a\nb.png", "a\nb.png"), ("\udcff.png", "\udcff.png")]


def test_a_long_list_is_streamed_across_blocks(tmp_path):
    names = [f"folder/{number:08}.png" for number in range(20_000)]  # 19 bytes each, several blocks
    path = tmp_path / "list"
    path.write_text("\n".join(names))
    assert [name for name, _ in read(path)] == names


def test_standard_input_is_read_as_often_as_needed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"a.png\nb.png\n")))
    assert [name for name, _ in read("-")] == ["a.png", "b.png"]


def test_columns_of_tables(tmp_path):
    (tmp_path / "list.csv").write_text('id,path\n1,"a, b.png"\n2,\n3,c.png\n\n', encoding="utf-8-sig")
    (tmp_path / "list.tsv").write_text("path\tid\nd.png\t1\n")
    assert [name for name, _ in read(f"{tmp_path}/list.csv:path")] == ["a, b.png", "c.png"]
    assert [name for name, _ in read(f"{tmp_path}/list.tsv:path")] == ["d.png"]


def test_a_column_of_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "list.parquet"
    parquet.write_table(pyarrow.table({"path": ["a.png", None, "b/c.png"], "id": [1, 2, 3]}), path)
    assert read(f"{path}:path") == [("a.png", "a.png"), ("b/c.png", "b/c.png")]
    with pytest.raises(ConfigError, match="holds int, expected paths"):
        read(f"{path}:id")
    with pytest.raises(ConfigError, match="no column 'pth'; did you mean 'path'"):
        read(f"{path}:pth")
    path.write_bytes(b"PAR1")
    with pytest.raises(ConfigError, match="cannot be read as Parquet"):
        read(f"{path}:path")


def test_parquet_without_pyarrow_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "list.parquet"
    path.touch()
    with pytest.raises(BackendError, match=r"needs pyarrow\. Install pyarrow, or use CSV"):
        read(f"{path}:path")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.txt", None, "no such list of files"),
        ("list.csv", b"path\na.png\n", "Name the column of the paths: --files-from"),
        ("list.csv:pth", b"path\na.png\n", "no column 'pth'; did you mean 'path'"),
        ("list.csv:path", b"path,id\na.png\n", "list.csv, line 2: 1 cells, expected 2"),
        ("list.txt", "\ufeffa.png\n".encode("utf-16-le"), "the list is in UTF-16. Save it in UTF-8"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path, name, content, said):
    if content is not None:
        Path(tmp_path, name.partition(":")[0]).write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read(tmp_path / name)
