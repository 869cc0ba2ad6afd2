"""JSON answers in the one shape of errors, also from where no route was reached."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from kukkiri.web.error_shape import RefusalError, make_body

__all__ = ["JSONAnswer", "answer_refusal", "send_refusal"]


class JSONAnswer(JSONResponse):
    """JSON that is ASCII, so that no reader takes it in a wrong encoding."""

    def render(self, content: Any) -> bytes:
        """Write the content as JSON."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def answer_refusal(refusal: RefusalError, *, headers: Mapping[str, str] | None = None) -> JSONAnswer:
    """Make the answer of a refusal."""
    return JSONAnswer(make_body(refusal.info), refusal.info.status, headers={**refusal.headers, **(headers or {})})


async def send_refusal(
    refusal: RefusalError, scope: Scope, receive: Receive, send: Send, *, close: bool = False
) -> None:
    """Send a refusal from a middleware.

    Args:
        refusal: what to say.
        scope: of the request.
        receive: of the request.
        send: of the request.
        close: end the connection, because the rest of the body will not be read.
    """
    headers = {"Connection": "close"} if close else {}
    await answer_refusal(refusal, headers=headers)(scope, receive, send)
