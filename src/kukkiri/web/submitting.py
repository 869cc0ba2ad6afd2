"""An upload becomes a job: options read, content recognized, limits checked from the header, a place in the queue."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from kukkiri.errors import KukkiriError
from kukkiri.images.formats import READABLE, recognize
from kukkiri.web.error_shape import RefusalError
from kukkiri.web.jobs.admission import TooLargeError
from kukkiri.web.jobs.clips import is_clip
from kukkiri.web.jobs.job import Job, JobOptions
from kukkiri.web.jobs.store import QueueFullError, TooManyOfClientError
from kukkiri.web.service import Service
from kukkiri.web.uploads import Upload

__all__ = ["find_job", "name_client", "read_query", "refuse_unknown_query", "submit"]

_START = 1024  # bytes that tell a format


def name_client(request: Request) -> str:
    """Return the name of a request's client, by its key or address."""
    client: str = request.state.client
    return client


def read_query(request: Request) -> dict[str, str]:
    """Read the query, in which every name may stand once.

    Raises:
        RefusalError: one stands twice.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in found:
            raise RefusalError(
                422, f"the query has {name[:60]!r} twice.", expected="each option once", remedy="Drop one of them."
            )
        found[name] = value
    return found


def refuse_unknown_query(request: Request) -> None:
    """Refuse a query that the route does not read; a dependency of the routes that read few names or none.

    Raises:
        RefusalError: the query has a name that the route does not know.
    """
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        raise RefusalError(
            422,
            f"this address reads no {unknown[0][:60]!r} in its query.",
            got=unknown[0][:60],
            expected=", ".join(known) or "no query",
            remedy="Drop it.",
        )


async def submit(service: Service, request: Request, upload: Upload, *, values: Mapping[str, Any]) -> Job:
    """Put an upload into the queue; its file belongs to the store from then on.

    Args:
        service: of the server.
        request: that brought it.
        upload: the file.
        values: of the options, as text.

    Raises:
        RefusalError: an option or the image does not fit, a limit is reached, or the queue is full.
    """
    try:
        options = JobOptions.from_json(values)
        await service.call(_check_content, upload)
        admission = await service.call(service.admissions.inspect, upload.path, options, name=upload.name)
        return await service.call(
            service.store.submit,
            upload.path,
            name=upload.name,
            options=options,
            client=name_client(request),
            admission=admission,
        )
    except RefusalError:
        raise
    except TooLargeError as error:
        raise _refuse(error, upload, status=413) from error
    except QueueFullError as error:
        raise _refuse(error, upload, status=503, wait=error.retry_after) from error
    except TooManyOfClientError as error:
        raise _refuse(error, upload, status=429, wait=1) from error
    except KukkiriError as error:
        raise _refuse(error, upload) from error


def _refuse(
    error: KukkiriError, upload: Upload, *, status: int | None = None, wait: float | None = None
) -> RefusalError:
    """Make the refusal of an error, in which the client's name stands for the server's path."""
    headers = {} if wait is None else {"Retry-After": str(max(1, round(wait)))}
    refusal = RefusalError.of(error, status=status, headers=headers)
    renamed = RefusalError.tell(refusal.info.rename(str(upload.path), upload.name), headers=headers)
    renamed.headers.update(refusal.headers)
    return renamed


def _check_content(upload: Upload) -> None:
    """Recognize an image or a clip by its bytes, whatever its type and name say.

    Raises:
        RefusalError: it is none.
    """
    with upload.path.open("rb") as file:
        start = file.read(_START)
    form = recognize(start)
    if form not in READABLE and not is_clip(upload.path):
        raise RefusalError(
            415,
            f"{upload.name}: is no image or clip that can be read.",
            got=form or f"bytes that begin with {start[:12].hex(' ')}",
            expected=", ".join(READABLE),
            remedy="Send a file of one of these types, or a clip; what its name and Content-Type say does not count.",
        )


async def find_job(service: Service, request: Request, job_id: str) -> Job:
    """Find a job of the client; with API keys a client sees only its own.

    Raises:
        RefusalError: there is none.
    """
    job = await service.call(service.store.get, job_id)
    if job is None or (service.keys and job.client != name_client(request)):
        raise RefusalError(
            404,
            "there is no such job.",
            got=job_id[:60],
            expected="the id of a job that is kept",
            remedy="Finished jobs are deleted after a time; send the image again.",
        )
    return job
