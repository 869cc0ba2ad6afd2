"""Names, forms, archives and other parts that need no server."""

import asyncio
import io
import zipfile
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from kukkiri.web.error_shape import RefusalError, make_body
from kukkiri.web.file_answers import name_download
from kukkiri.web.page_files import list_page_files
from kukkiri.web.prometheus import Metrics
from kukkiri.web.uploads import clean_name, receive_form
from kukkiri.web.zip_stream import stream_zip, unique_names


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.png", "a.png"),
        ("...", "image"),
        (None, "image"),
        ("a\x1b[31m.png", "a_x1b[31m.png"),
        ("写真.png", "写真.png"),
        ("x" * 300 + ".jpeg", "x" * 195 + ".jpeg"),
    ],
)
def test_names_are_made_harmless(name, clean):
    assert clean_name(name) == clean


@given(st.text(max_size=300))
def test_no_name_is_a_path_or_too_long(name):
    clean = clean_name(name)
    assert 0 < len(clean.encode()) <= 200
    assert not set(clean) & set('/\\<>:"|?*\0\r\n')
    assert clean not in (".", "..")


@given(st.text(max_size=60).map(clean_name))
def test_a_download_has_its_name_in_ascii(name):
    header = name_download(name)
    assert header.isascii()
    assert header.isprintable()


def receive(body: bytes, tmp_path, *, part: int, content_type: str = "multipart/form-data; boundary=b") -> Any:
    """Receive a form that comes in parts of some bytes."""
    parts = iter([body[start : start + part] for start in range(0, len(body), part)])

    async def read() -> dict[str, Any]:
        data = next(parts, b"")
        return {"type": "http.request", "body": data, "more_body": bool(data)}

    scope = {"type": "http", "headers": [(b"content-type", content_type.encode())], "method": "POST"}
    counter = iter(range(1000))
    make_path = lambda: tmp_path / str(next(counter))  # noqa: E731
    return asyncio.run(receive_form(Request(scope, read), make_path, most_files=2, file_field="images"))


HEAD = b'--b\r\nContent-Disposition: form-data; name="images"; filename="%s"\r\n\r\n'
FORM = (
    HEAD % "写.png".encode()
    + b"\r\n--one\r\n"
    + b"\r\n"
    + b'--b\r\nContent-Disposition: form-data; name="scale"\r\n\r\n2\r\n--b--\r\n'
)


@pytest.mark.parametrize("part", [1, 2, 7, 1000])
def test_a_form_is_read_however_it_is_cut(tmp_path, part):
    form = receive(FORM, tmp_path, part=part)
    assert form.fields == {"scale": "2"}
    assert [(file.name, file.bytes, file.path.read_bytes()) for file in form.files] == [("写.png", 9, b"\r\n--one\r\n")]
    form.drop()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (FORM[:60], "the form cannot be read."),
        (FORM[:-10], "the form cannot be read."),
        (b"x" + FORM, "the form cannot be read."),
        (b"--b--\r\n", "the form "),
        (FORM.replace(b"images", b"image"), "the form has a file in the part 'image'."),
        (FORM.replace(b'"images"; filename="\xe5\x86\x99.png"', b'"scale"'), "the form has the field 'scale' twice."),
    ],
)
def test_a_damaged_form_is_told_and_leaves_no_file(tmp_path, body, words):
    with pytest.raises(RefusalError, match=words):
        receive(body, tmp_path, part=11)
    assert not list(tmp_path.iterdir())


def test_a_form_without_a_boundary_is_told(tmp_path):
    with pytest.raises(RefusalError) as raised:
        receive(FORM, tmp_path, part=50, content_type="multipart/form-data")
    assert (raised.value.info.status, raised.value.info.got) == (400, "no boundary in Content-Type")


@given(st.lists(st.binary(max_size=600_000), max_size=3))
def test_an_archive_is_whole_and_comes_in_parts(contents):
    entries = [(f"{number}.png", io.BytesIO(data)) for number, data in enumerate(contents)]
    parts = list(stream_zip(entries))
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert [archive.read(name) for name in archive.namelist()] == contents
    assert all(len(part) < 300_000 for part in parts)
    assert all(file.closed for _, file in entries)


def test_equal_names_are_numbered():
    assert unique_names(["a.png", "A.png", "a.png", "b", "b"]) == ["a.png", "A (2).png", "a (3).png", "b", "b (2)"]


def test_errors_quote_nothing_dangerous_and_nothing_endless():
    refusal = RefusalError(422, "\x1b[31mred", got="x" * 5000)
    body = make_body(refusal.info)["error"]
    assert body["what"] == "\\x1b[31mred"
    assert len(body["got"]) == 2003


def test_the_histogram_of_prometheus_adds_up():
    metrics = Metrics()
    for seconds in (0.001, 0.02, 0.02, 99):
        metrics.count_request(method="GET", route='/a"\n', status=200, seconds=seconds)
    text = metrics.write(jobs={"queued": 3}, workers=2, running_memory=5, version="1")
    lines = text.splitlines()
    assert 'kukkiri_requests_total{method="GET",route="/a\\"\\n",status="200"} 4' in lines
    assert 'kukkiri_request_duration_seconds_bucket{le="0.025"} 3' in lines
    assert 'kukkiri_request_duration_seconds_bucket{le="60.0"} 3' in lines
    assert 'kukkiri_request_duration_seconds_bucket{le="+Inf"} 4' in lines
    assert "kukkiri_queue_length 3" in lines
    assert all(line.startswith(("# HELP kukkiri_", "# TYPE kukkiri_", "kukkiri_")) for line in lines)


def test_packed_files_are_served_unpacked_under_their_own_name(tmp_path):
    import gzip

    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.wasm.gz").write_bytes(gzip.compress(b"wasm"))
    (tmp_path / "a.py").write_text("")
    (tmp_path / ".hidden.js").write_text("")
    files = list_page_files(tmp_path)
    assert set(files) == {"below/a.wasm.gz", "below/a.wasm"}
    assert (files["below/a.wasm"].media_type, files["below/a.wasm"].unpack()) == ("application/wasm", b"wasm")
