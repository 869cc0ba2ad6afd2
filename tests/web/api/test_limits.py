"""Limits: every one has an option, a unit and words; bodies, queues and clients are bounded before work begins."""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from kukkiri.errors import ConfigError
from kukkiri.web.authentication import Keys
from kukkiri.web.jobs.job import ErrorInfo
from kukkiri.web.limits import Limits, list_limits
from kukkiri.web.settings import ServerSettings

KEY, OTHER = "0123456789abcdef0123", "fedcba9876543210fedc"


def run(act: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(act())  # type: ignore[arg-type]


async def chunks(part: bytes, times: int, *, pause: float = 0.0) -> AsyncIterator[bytes]:
    for _ in range(times):
        yield part
        await asyncio.sleep(pause)


def test_every_limit_has_an_option_a_meaning_and_a_positive_default():
    listed = list_limits(Limits())
    assert {limit["unit"] for limit in listed} == {"MB", "megapixels", "s", "h", ""}
    for limit in listed:
        assert limit["option"] == "--" + limit["name"].replace("_", "-")
        assert limit["value"] == limit["default"] > 0
        assert limit["meaning"].endswith(".")


def test_a_negative_limit_is_refused():
    with pytest.raises(ConfigError, match=r"--max-body-mb is -1. Give 0 \(off\) or a positive number"):
        ServerSettings(folder=Path(), limits=Limits(max_body_mb=-1))


def test_a_body_is_refused_from_its_length_before_it_is_read(make_api):
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        async for part in chunks(b"x" * 1000, 5000):
            read += len(part)
            yield part

    async def act() -> httpx.Response:
        return await make_api(max_body_mb=1).post("/v1/upscale", content=body(), headers={"content-length": "5000000"})

    answer = run(act)
    assert (answer.status_code, read) == (413, 0)
    error = answer.json()["error"]
    assert (error["got"], error["expected"]) == ("5,000,000 bytes", "at most 1 MB")
    assert "--max-body-mb" in error["remedy"]


def test_a_chunked_body_is_counted_and_leaves_no_file(make_api):
    api = make_api(max_body_mb=0.01)
    answer = run(lambda: api.post("/v1/upscale", content=chunks(b"x" * 1000, 50)))
    assert (answer.status_code, answer.json()["error"]["got"]) == (413, "more than 10,000 bytes")
    form = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = run(lambda: api.post("/v1/upscale", content=chunks(form + b"x" * 1000, 50), headers=headers))
    assert answer.status_code == 413
    assert not list(api.service.store.incoming_path().parent.iterdir())


def test_a_body_without_a_limit_is_read_whole(make_api):
    answer = run(lambda: make_api(max_body_mb=0).post("/v1/upscale", content=chunks(b"x" * 1000, 50)))
    assert answer.status_code == 415


@pytest.mark.parametrize("limits", [{"body_stall_seconds": 0.1}, {"body_seconds": 0.2}])
def test_a_slow_body_is_given_up(make_api, limits):
    api = make_api(**limits)
    pause = 5 if "body_stall_seconds" in limits else 0.03

    async def act() -> tuple[int, dict[str, Any], list[bytes]]:
        sent: list[dict[str, Any]] = []
        scope = {
            **{"type": "http", "method": "POST", "path": "/v1/upscale", "query_string": b"", "http_version": "1.1"},
            **{"headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "scheme": "http", "root_path": ""},
        }

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(pause)
            return {"type": "http.request", "body": b"x", "more_body": True}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await api._transport.app(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"]), [message.get("body", b"") for message in sent]

    status, headers, body = run(act)
    assert (status, headers[b"connection"]) == (408, b"close")
    assert b"the body came too slowly." in b"".join(body)


def test_a_full_queue_is_503_and_a_greedy_client_429(make_api, png):
    async def act() -> list[httpx.Response]:
        api = make_api(max_queue=2, max_client_jobs=1)
        return [await api.post(f"/v1/upscale?mode=job&scale={scale}", content=png) for scale in (2, 3)]

    first, second = run(act)
    assert (first.status_code, second.status_code) == (202, 429)
    assert "--max-client-jobs" in second.json()["error"]["what"]

    async def fill() -> list[httpx.Response]:
        api = make_api(max_queue=1, max_client_jobs=0)
        return [await api.post(f"/v1/upscale?mode=job&scale={scale}", content=png) for scale in (2, 2, 3)]

    first, equal, full = run(fill)
    assert (first.status_code, equal.status_code, full.status_code) == (202, 202, 503)
    assert int(full.headers["retry-after"]) >= 1
    assert "--max-queue" in full.json()["error"]["what"]


def test_a_request_waits_and_is_then_answered_with_its_job(make_api, png):
    answer = run(lambda: make_api(wait_seconds=0.3).post("/v1/upscale", content=png))
    assert (answer.status_code, answer.json()["state"], answer.json()["position"]) == (202, "queued", 1)
    prefer = run(lambda: make_api().post("/v1/upscale", content=png, headers={"prefer": "respond-async"}))
    assert prefer.status_code == 202


def test_open_requests_of_a_client_are_bounded(make_api, png):
    async def act() -> list[int]:
        api = make_api(max_client_requests=2, wait_seconds=1)
        answers = await asyncio.gather(*(api.post(f"/v1/upscale?scale={scale}", content=png) for scale in (2, 3, 4)))
        return [*sorted(answer.status_code for answer in answers), (await api.get("/v1/jobs")).status_code]

    assert run(act) == [202, 202, 429, 200]


def test_too_many_files_and_fields_are_refused(make_api, png):
    async def act() -> list[httpx.Response]:
        api = make_api(max_batch_files=2)
        files = [("images", (f"{number}.png", png)) for number in range(3)]
        return [
            await api.post("/v1/batch", files=files),
            await api.post("/v1/upscale", files=[("image", ("a", png)), ("image", ("b", png))]),
            await api.post("/v1/upscale", files={"image": ("a", png)}, data={str(number): "" for number in range(70)}),
            await api.post("/v1/upscale", files={"image": ("a", png)}, data={"scale": "1" * 5000}),
        ]

    answers = run(act)
    assert [answer.status_code for answer in answers] == [413, 413, 413, 413]
    assert "--max-batch-files" in answers[0].json()["error"]["remedy"]


def test_a_bomb_of_65_bytes_is_refused_from_its_header(make_api):
    header = b"IHDR" + struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\x01IDATx"
    answer = run(lambda: make_api().post("/v1/upscale", content=bomb + bytes(65 - len(bomb))))
    assert answer.status_code == 413
    assert "30000x30000 pixels" in answer.json()["error"]["what"]
    assert "--max-input-megapixels" in answer.json()["error"]["what"]


def test_keys_are_asked_for_and_separate_the_clients(make_api, png):
    async def act() -> dict[str, Any]:
        api = make_api(keys=Keys.make([KEY, OTHER]))
        mine, others = {"authorization": f"Bearer {KEY}"}, {"x-api-key": OTHER}
        job = (await api.post("/v1/upscale?mode=job", content=png, headers=mine)).json()["links"]["self"]
        session = await api.post("/v1/session", headers=mine)
        cookie = session.cookies["kukkiri_session"]
        api.cookies.clear()
        return {
            "none": await api.get("/v1/jobs"),
            "wrong": await api.get("/v1/jobs", headers={"x-api-key": KEY[:-1] + "x"}),
            "mine": await api.get(job, headers=mine),
            "cookie": await api.get(job, headers={"cookie": f"kukkiri_session={cookie}"}),
            "others": await api.get(job, headers=others),
            "page": await api.get("/health"),
            "metrics": await api.get("/metrics"),
            "schema": await api.get("/openapi.json"),
            "session": session,
        }

    answers = run(act)
    statuses = {name: answer.status_code for name, answer in answers.items()}
    assert statuses == {
        **{"none": 401, "wrong": 401, "mine": 200, "cookie": 200, "others": 404},
        **{"page": 200, "metrics": 401, "schema": 200, "session": 204},
    }
    assert answers["none"].headers["www-authenticate"].startswith("Bearer")
    header = answers["session"].headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= set(header.split("; "))
    assert KEY not in header
    assert "security" in answers["schema"].json()["paths"]["/v1/upscale"]["post"]
    assert KEY not in repr(Keys.make([KEY]))


def test_named_origins_may_use_the_api(make_api, png):
    async def act() -> tuple[httpx.Response, httpx.Response]:
        api = make_api(settings={"origins": ("https://example.org",)})
        headers = {"origin": "https://example.org"}
        asked = await api.options("/v1/upscale", headers={**headers, "access-control-request-method": "POST"})
        return asked, await api.post("/v1/upscale?mode=job", content=png, headers=headers)

    asked, done = run(act)
    assert (asked.status_code, done.status_code) == (200, 202)
    assert done.headers["access-control-allow-origin"] == "https://example.org"


def test_a_fault_of_the_program_has_the_shape_of_errors_and_tells_nothing(make_api, monkeypatch):
    api = make_api()
    monkeypatch.setattr(api.service.store, "list_jobs", lambda **_: 1 / 0)
    answer = run(lambda: api.get("/v1/jobs"))
    assert answer.status_code == 500
    assert answer.json()["error"]["what"] == "the server failed."
    assert "division" not in answer.text


def test_a_failed_job_is_answered_in_its_words(make_api, png, monkeypatch):
    api = make_api()
    info = ErrorInfo(what="photo.png: is damaged.", remedy="Get it again.", status=422)

    async def act() -> httpx.Response:
        job = (await api.post("/v1/upscale?mode=job", content=png)).json()
        stored = api.service.store.get(job["id"])
        failed = type(stored)(**{**stored.__dict__, "state": "failed", "error": info, "position": None})
        monkeypatch.setattr(api.service.store, "get_many", lambda ids: dict.fromkeys(ids, failed))
        return await api.post("/v1/upscale?mode=wait", content=png)

    answer = run(act)
    assert (answer.status_code, answer.json()["error"]["what"]) == (422, "photo.png: is damaged.")


def test_the_words_about_a_body_where_none_belongs_name_their_own_limit(make_api):
    answer = run(lambda: make_api().request("GET", "/v1/jobs", content=b"x" * 70_000))
    assert answer.status_code == 413
    assert answer.json()["error"] == {
        "what": "GET takes no body.",
        "got": "70,000 bytes",
        "expected": "at most 65,536 bytes, which are not read",
        "remedy": "Send images with POST.",
    }
