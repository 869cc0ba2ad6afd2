"""The answers of the routes, as OpenAPI lists them."""

from typing import Any

from kukkiri.web.wire import ErrorAnswer

__all__ = ["IMAGE_TYPES", "describe_errors", "describe_image"]

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/tiff", "image/avif", "image/gif", "image/bmp")
_MEANINGS = {
    400: "The body is empty or damaged.",
    401: "An API key is needed.",
    403: "A page of another site made the request.",
    404: "There is no such thing here.",
    405: "The path does not know this method.",
    408: "The body came too slowly.",
    409: "The job is not in a state that has this.",
    413: "The body, the image or its result is too large.",
    415: "The body is no image or clip that can be read.",
    416: "The file has no such bytes.",
    421: "The request names another host than this server's.",
    422: "An option is unknown or out of range, or the image is damaged.",
    429: "The client has too many jobs or open requests.",
    500: "The server failed.",
    501: "An engine or a codec is not installed on the server.",
    503: "The queue is full, or the server stops.",
}
_ALWAYS = (401, 403, 421, 422, 429, 500)
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}, "required": True}}


def describe_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """List the errors of a route: its own, and those of every route."""
    listed: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*statuses, *_ALWAYS}):
        listed[status] = {"model": ErrorAnswer, "description": _MEANINGS[status]}
        if status in (429, 503):
            listed[status]["headers"] = _RETRY
    return listed


def describe_image(meaning: str, *, headers: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe an answer that is an image, of one of many types."""
    return {
        "description": meaning,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/*", "video/*")},
        "headers": {name: {"schema": {"type": "string"}} for name in headers},
    }
