"""``kukkiri serve``: results are those of the library, whatever the way in; jobs, events, batches, archives."""

import io
import json
import zipfile

import httpx
import numpy as np
import pytest

import kukkiri
from kukkiri.images import open_image
from kukkiri.web.options_schema import OPTIONS
from kukkiri.web.wire import BatchAnswer, JobAnswer, JobsAnswer, LimitsAnswer, ModelsAnswer
from tests.video.clips import make_clip, needs_ffmpeg


def levels(data: bytes) -> np.ndarray:
    return open_image(data).to_array()


def submit(http: httpx.Client, data: bytes, **query: object) -> dict:
    answer = http.post("/v1/upscale", params={"mode": "job", "filename": "photo.png", **query}, content=data)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["links"]["self"]
    return answer.json()


def follow(http: httpx.Client, job: dict) -> list[dict]:
    with http.stream("GET", job["links"]["events"]) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        return [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]


@pytest.mark.parametrize("way", ["raw", "form"])
def test_the_result_is_that_of_the_library(http, photo, way):
    data = photo.read_bytes()
    if way == "raw":
        answer = http.post("/v1/upscale", params={"scale": 3, "preset": "fast", "filename": "a b.png"}, content=data)
    else:
        answer = http.post("/v1/upscale", files={"image": ("a b.png", data)}, data={"scale": "3", "preset": "fast"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["content-disposition"] == 'attachment; filename="a b-x3.png"'
    expected = kukkiri.upscale(data, scale=3, model="fast", threads=1)
    assert np.array_equal(levels(answer.content), expected.to_array().astype(np.uint8))


def test_a_type_is_read_from_the_bytes(http, photo):
    headers = {"content-type": "image/jpeg"}
    answer = http.post("/v1/upscale?model=nearest&filename=x.gif", content=photo.read_bytes(), headers=headers)
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(levels(answer.content), levels(photo.read_bytes()).repeat(2, 0).repeat(2, 1))


def test_a_job_is_followed_to_its_result_and_answered_again(http, photo):
    job = submit(http, photo.read_bytes(), scale=2, model="bicubic")
    JobAnswer.model_validate(job)
    last = follow(http, job)[-1]
    JobAnswer.model_validate(last)
    assert (last["state"], last["result"]["width"], last["result"]["height"]) == ("done", 32, 24)
    assert (job["cached"], last["links"]["result"]) == (False, f"/v1/jobs/{job['id']}/result")
    result = http.get(last["links"]["result"])
    assert result.headers["etag"] == f'"{last["result"]["sha256"]}"'
    again = submit(http, photo.read_bytes(), scale=2, model="bicubic")
    assert (again["cached"], again["state"]) == (True, "done")
    assert again["id"] != job["id"]
    assert http.get(again["links"]["result"]).content == result.content
    JobsAnswer.model_validate(http.get("/v1/jobs").json())


def test_results_have_tags_and_ranges(http, photo):
    job = follow(http, submit(http, photo.read_bytes(), model="bicubic", scale=4))[-1]
    whole = http.get(job["links"]["result"])
    tag, size = whole.headers["etag"], len(whole.content)
    assert http.get(job["links"]["result"], headers={"if-none-match": tag}).status_code == 304
    for asked, part in (
        ("bytes=0-9", slice(0, 10)),
        ("bytes=-5", slice(size - 5, size)),
        ("bytes=7-", slice(7, size)),
    ):
        answer = http.get(job["links"]["result"], headers={"range": asked})
        assert (answer.status_code, answer.content) == (206, whole.content[part])
        assert answer.headers["content-range"] == f"bytes {part.start}-{part.stop - 1}/{size}"
    beyond = http.get(job["links"]["result"], headers={"range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert http.get(job["links"]["result"], headers={"range": "bytes=0-1", "if-range": '"x"'}).status_code == 200
    head = http.head(job["links"]["result"])
    assert (head.headers["content-length"], head.content) == (str(size), b"")
    given = http.get(job["links"]["input"])
    assert (given.content, given.headers["content-type"]) == (photo.read_bytes(), "image/png")


def test_a_deleted_job_is_gone(http, photo):
    job = follow(http, submit(http, photo.read_bytes(), model="bicubic"))[-1]
    assert http.delete(job["links"]["self"]).status_code == 204
    for link in ("self", "events", "input", "result"):
        assert http.get(job["links"][link]).status_code == 404


def test_a_batch_goes_on_after_a_bad_file_and_comes_back_as_an_archive(http, photo):
    data = photo.read_bytes()
    files = [("images", (name, data)) for name in ("photo.png", "../../photo.png", "C:\\x\\日本.png")]
    answer = http.post("/v1/batch", files=[*files, ("images", ("t.png", b"text"))], data={"model": "nearest"})
    batch = BatchAnswer.model_validate(answer.json())
    assert [job.input_name for job in batch.jobs] == ["photo.png", "photo.png", "日本.png"]
    assert [(error.input_name, error.error.status) for error in batch.errors] == [("t.png", 415)]
    for job in answer.json()["jobs"]:
        follow(http, job)
    archive = http.get("/v1/results.zip", params={"id": [job.id for job in batch.jobs]})
    with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["photo-x2.png", "photo-x2 (2).png", "日本-x2.png"]
        assert np.array_equal(levels(opened.read("photo-x2.png")), levels(data).repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "what"),
    [
        ("POST", "/v1/upscale", b"", 400, "the body is empty."),
        ("POST", "/v1/upscale", b"text", 415, "image: is no image or clip that can be read."),
        ("POST", "/v1/upscale?scal=2", None, 422, "unknown option 'scal'; did you mean 'scale'?"),
        ("POST", "/v1/upscale?scale=2&scale=3", None, 422, "the query has 'scale' twice."),
        ("POST", "/v1/upscale?scale=", None, 422, "the query has 'scale' without a value."),
        ("POST", "/v1/upscale?scale=2&width=9", None, 422, "a scale and a size both say how large the result is."),
        ("POST", "/v1/upscale?model=/etc/passwd", None, 422, "no model '/etc/passwd'"),
        ("POST", "/v1/upscale?mode=x", None, 422, "there is no such mode."),
        ("POST", "/v1/upscale?scale=400", None, 413, "image: its result has 6400x4800 pixels"),
        ("POST", "/v1/upscale", b"x" * 2_000_001, 413, "the body is larger than this server takes."),
        ("POST", "/v1/batch", b"x", 415, "a batch is a form of several files."),
        ("GET", "/v1/jobs/AAAAAAAAAAAAAAAAAAAAAA", None, 404, "there is no such job."),
        ("GET", "/v1/jobs/a.b", None, 422, "job_id does not fit."),
        ("GET", "/v1/jobs?limit=0", None, 422, "limit does not fit."),
        ("GET", "/v1/limits?x=1", None, 422, "this address reads no 'x' in its query."),
        ("GET", "/v1/results.zip", None, 422, "id does not fit."),
        ("GET", "/static/../limits.py", None, 404, "there is no"),
        ("GET", "/nothing", None, 404, "there is nothing at this address."),
        ("PUT", "/v1/upscale", None, 405, "/v1/upscale does not know the method PUT."),
    ],
)
def test_every_error_has_one_shape(http, photo, method, path, body, status, what):
    answer = http.request(method, path, content=photo.read_bytes() if body is None and method == "POST" else body)
    assert answer.status_code == status
    assert answer.json()["error"]["what"].startswith(what)
    assert set(answer.json()["error"]) == {"what", "got", "expected", "remedy"}


def test_a_damaged_image_is_told_by_its_name_only(http, photo):
    damaged = photo.read_bytes()[:60] + b"\0" * 300
    answer = http.post("/v1/upscale?mode=wait&filename=holiday.png", content=damaged)
    assert answer.status_code == 422
    assert "holiday.png" in answer.text
    assert "state" not in answer.text


def test_what_the_server_can_do_is_listed(http):
    models = ModelsAnswer.model_validate(http.get("/v1/models").json())
    assert {"fast", "balanced", "best"} == {preset.name for preset in models.presets}
    assert {2, 3, 4} <= set(models.scales)
    limits = LimitsAnswer.model_validate(http.get("/v1/limits").json()).limits
    assert (limits["max_body_mb"].value, limits["max_body_mb"].default) == (2, 128)
    assert limits["keep_hours"].option == "--keep-hours"


def test_methods_and_protecting_headers(http):
    assert http.options("/v1/jobs/x").headers["allow"] == "DELETE, GET, HEAD, OPTIONS"
    for path in ("/", "/v1/models", "/nothing", "/docs", "/openapi.json"):
        headers = http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-embedder-policy"] == "require-corp"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_pages_of_other_sites_and_other_names_are_refused(http, photo):
    data = photo.read_bytes()
    other = http.post("/v1/upscale?mode=job", content=data, headers={"origin": "https://example.org"})
    assert (other.status_code, other.json()["error"]["got"]) == (403, "https://example.org")
    own = http.post("/v1/upscale?mode=job", content=data, headers={"origin": str(http.base_url).rstrip("/")})
    assert own.status_code == 202
    assert http.get("/health", headers={"host": "evil.example"}).status_code == 421


def test_metrics_count_by_route(http):
    for _ in range(2):
        http.get("/v1/jobs/AAAAAAAAAAAAAAAAAAAAAB")
    text = http.get("/metrics").text
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert int(samples['kukkiri_requests_total{method="GET",route="/v1/jobs/{job_id}",status="404"}']) >= 2
    assert samples["kukkiri_workers"] == "1"
    assert samples["kukkiri_requests_in_progress"] == "1"
    assert "AAAAAAAAAAAAAAAAAAAAAB" not in text
    assert http.get("/ready").json()["status"] == "ready"


def test_the_schema_has_every_option_of_a_job(http):
    from dataclasses import fields

    from kukkiri.web.jobs.job import JobOptions

    assert set(OPTIONS) == {field.name for field in fields(JobOptions)}
    operation = http.get("/openapi.json").json()["paths"]["/v1/upscale"]["post"]
    assert {parameter["name"] for parameter in operation["parameters"]} == {*OPTIONS, "mode", "filename"}


@needs_ffmpeg
def test_a_clip_becomes_a_clip(http, tmp_path):
    pytest.importorskip("av", reason="needs the extra video")
    film = make_clip("plain.mp4", tmp_path)
    answer = http.post("/v1/upscale?mode=wait&model=bicubic&filename=film.mp4", content=film.read_bytes())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4"), answer.text[:300]
    assert answer.headers["content-disposition"] == 'attachment; filename="film-x2.mp4"'
    job = http.get(f"/v1/jobs/{answer.headers['x-kukkiri-job']}").json()
    assert (job["result"]["width"], job["result"]["height"]) == (128, 96)
    given = http.get(job["links"]["input"])
    assert (given.content, given.headers["content-type"]) == (film.read_bytes(), "video/mp4")
    models = http.get("/v1/models").json()
    assert models["clips"] is True
    assert {"png", "mp4", "webm"} < set(models["formats"])
