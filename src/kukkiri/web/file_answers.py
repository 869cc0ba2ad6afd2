"""Files as answers: ETag, If-None-Match, one Range, and a name for the download."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from fastapi import Request
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

from kukkiri.web.answers import answer_refusal
from kukkiri.web.error_shape import RefusalError

__all__ = ["answer_file", "name_download"]

_CHUNK = 1 << 18
_OUTSIDE = (-1, -1)
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def answer_file(
    request: Request,
    path: Path,
    *,
    media_type: str,
    etag: str,
    download: str | None = None,
    headers: dict[str, str] | None = None,
    cache: str = "private, no-cache",
) -> Response:
    """Answer with a file, or the part of it that was asked for; a file that is deleted meanwhile is sent to its end.

    Args:
        request: that is answered.
        path: of the file.
        media_type: of its content.
        etag: of its content, without quotes.
        download: name under which a browser saves it.
        headers: more of them.
        cache: value of Cache-Control.

    Raises:
        OSError: the file is not there.
    """
    tag = f'"{etag}"'
    known = {"ETag": tag, "Cache-Control": cache, "Accept-Ranges": "bytes", **(headers or {})}
    if download is not None:
        known["Content-Disposition"] = name_download(download)
    if _matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=known)
    file = path.open("rb")
    size = file.seek(0, 2)
    first, last, status = 0, size - 1, 200
    asked = request.headers.get("range")
    if asked and request.headers.get("if-range", tag) == tag:
        part = _read_range(asked, size)
        if part == _OUTSIDE:
            file.close()
            return answer_refusal(_outside(asked, size), headers={"Content-Range": f"bytes */{size}"})
        if part is not None:
            (first, last), status = part, 206
            known["Content-Range"] = f"bytes {first}-{last}/{size}"
    known["Content-Length"] = str(last - first + 1)
    return StreamingResponse(_read(file, first, last), status, headers=known, media_type=media_type)


def name_download(name: str) -> str:
    """Return the value of Content-Disposition for a file name in any script."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", name)
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{extended}'


def _matches(header: str | None, tag: str) -> bool:
    if header is None:
        return False
    return header.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in header.split(","))


def _read_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte; ``_OUTSIDE`` when they lie there, ``None`` for what is answered with the whole file."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        count = min(int(match[2]), size)
        return (size - count, size - 1) if count else _OUTSIDE
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    if match[2] and int(match[2]) < first:
        return None
    return (first, last) if first < size else _OUTSIDE


def _outside(asked: str, size: int) -> RefusalError:
    return RefusalError(
        416,
        "the file has no such bytes.",
        got=asked[:100],
        expected=f"a part of {size} bytes",
        remedy="Ask for the whole file, without Range.",
    )


async def _read(file: BinaryIO, first: int, last: int) -> AsyncIterator[bytes]:
    try:
        async for chunk in iterate_in_threadpool(_chunks(file, first, last)):
            yield chunk
    finally:
        file.close()


def _chunks(file: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    file.seek(first)
    left = last - first + 1
    while left > 0 and (chunk := file.read(min(_CHUNK, left))):
        left -= len(chunk)
        yield chunk
