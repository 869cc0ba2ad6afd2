"""``POST /v1/upscale`` and ``POST /v1/batch``: images in, results or jobs out."""

import asyncio
import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from kukkiri.web.answers import JSONAnswer
from kukkiri.web.error_shape import RefusalError, make_body
from kukkiri.web.file_answers import answer_file
from kukkiri.web.jobs.job import Job
from kukkiri.web.options_schema import FILE_NAME, MODE, describe_form, describe_parameters
from kukkiri.web.responses import IMAGE_TYPES, describe_errors, describe_image
from kukkiri.web.service import Service, find_service
from kukkiri.web.submitting import read_query, submit
from kukkiri.web.uploads import Form, is_form, receive_body, receive_form
from kukkiri.web.wire import BatchAnswer, JobAnswer, describe_job

__all__ = ["answer_result", "router"]

router = APIRouter()
_LOOK = 1.0  # seconds between two looks whether the client is still there
_JOB_LINKS = {"Location": {"schema": {"type": "string"}, "description": "Address of the job."}}
_RAW = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in IMAGE_TYPES}


@router.post(
    "/v1/upscale",
    summary="Upscale one image or clip",
    operation_id="upscale",
    tags=["upscale"],
    response_class=Response,
    responses={
        200: describe_image("The result.", headers=("Content-Disposition", "ETag", "X-Kukkiri-Job", "X-Kukkiri-Notes")),
        202: {"model": JobAnswer, "description": "The job, which is not done yet.", "headers": _JOB_LINKS},
        206: describe_image("A part of the result, when a Range was asked for."),
        304: {"description": "The result is the one that the client has."},
        **describe_errors(400, 404, 408, 409, 413, 415, 416, 501, 503),
    },
    openapi_extra={
        "parameters": [MODE, FILE_NAME, *describe_parameters()],
        "requestBody": {
            "required": True,
            "description": "The image file itself, or a form with the image and the options.",
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                **_RAW,
                "multipart/form-data": {"schema": describe_form(file_field="image", several=False)},
            },
        },
    },
)
async def upscale(request: Request) -> Response:
    """Answer with the image when it is done within the waiting time, else with its job.

    The same image with the same options is answered from the result that is kept.
    """
    service = find_service(request)
    query = read_query(request)
    mode = _choose_mode(query.pop("mode", None), request)
    name = query.pop("filename", None)
    form = await _receive(service, request, name)
    try:
        values = _join(query, form.fields)
        job = await submit(service, request, form.files[0], values=values)
    finally:
        form.drop()
    if mode != "job":
        seconds = service.limits.wait_seconds if mode == "auto" else 0
        job = await _wait(service, request, job, seconds=seconds)
    if job.state == "done" and mode != "job":
        return await answer_result(service, request, job)
    if job.error is not None and mode != "job":
        raise RefusalError.tell(job.error, headers={"X-Kukkiri-Job": job.id})
    if job.state == "cancelled" and mode != "job":
        raise RefusalError(409, "the job was cancelled.", remedy="Send the image again.")
    return _accept(job)


@router.post(
    "/v1/batch",
    summary="Upscale several images",
    operation_id="batch",
    tags=["upscale"],
    status_code=202,
    response_class=JSONAnswer,
    responses={
        202: {"model": BatchAnswer, "description": "The jobs, and the images that were refused."},
        **describe_errors(400, 408, 413, 415, 503),
    },
    openapi_extra={
        "parameters": describe_parameters(),
        "requestBody": {
            "required": True,
            "description": "A form with several parts named images, and the options for all of them.",
            "content": {"multipart/form-data": {"schema": describe_form(file_field="images", several=True)}},
        },
    },
)
async def batch(request: Request) -> Response:
    """Answer with a job for each image; an image that is refused does not stop the others."""
    service = find_service(request)
    query = read_query(request)
    if not is_form(request):
        raise RefusalError(
            415,
            "a batch is a form of several files.",
            got=request.headers.get("content-type", "no Content-Type")[:100],
            expected="multipart/form-data",
            remedy="Send it as curl -F images=@a.jpg -F images=@b.jpg does.",
        )
    jobs: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    first: RefusalError | None = None
    form = await receive_form(
        request, service.store.incoming_path, most_files=service.limits.max_batch_files, file_field="images"
    )
    try:
        values = _join(query, form.fields)
        for upload in form.files:
            try:
                jobs.append(describe_job(await submit(service, request, upload, values=values)))
            except RefusalError as refusal:
                first = first or refusal
                parts = {**make_body(refusal.info)["error"], "status": refusal.info.status}
                errors.append({"input_name": upload.name, "error": parts})
    finally:
        form.drop()
    if first is not None and not jobs:
        raise first
    return JSONAnswer({"jobs": jobs, "errors": errors}, 202)


async def _receive(service: Service, request: Request, name: str | None) -> Form:
    if is_form(request):
        return await receive_form(request, service.store.incoming_path, most_files=1, file_field="image")
    return Form(files=[await receive_body(request, service.store.incoming_path, name=name)])


def _choose_mode(asked: str | None, request: Request) -> str:
    if asked is None:
        return "job" if "respond-async" in request.headers.get("prefer", "").lower() else "auto"
    if asked not in ("auto", "wait", "job"):
        raise RefusalError(
            422, "there is no such mode.", got=asked[:60], expected="auto, wait or job", remedy="Drop it."
        )
    return asked


def _join(query: dict[str, str], fields: dict[str, str]) -> dict[str, str]:
    """The options of query and form, in which each may stand once; an empty field of a form is an option not given."""
    for name, value in query.items():
        if not value:
            raise RefusalError(422, f"the query has {name[:60]!r} without a value.", remedy="Give one, or drop it.")
    for name in fields:
        if name in query:
            raise RefusalError(422, f"{name[:60]!r} stands in the query and in the form.", remedy="Drop one of them.")
    return {**query, **fields}


async def _wait(service: Service, request: Request, job: Job, *, seconds: float) -> Job:
    """Wait for a job as long as its client does.

    Args:
        service: of the server.
        request: that waits.
        job: as it is now.
        seconds: to wait at most; 0: to the end.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds if seconds else None
    while not job.is_final and not service.closing.is_set():
        left = _LOOK if end is None else min(_LOOK, end - loop.time())
        if left <= 0:
            break
        now = await service.watch.wait_to_end(job, seconds=left)
        if now is None:
            raise RefusalError(
                404, "the job was deleted while this request waited for it.", remedy="Send the image again."
            )
        job = now
        if not job.is_final and await request.is_disconnected():
            await service.call(service.store.cancel, job.id)
            raise RefusalError(499, "the client left.")
    return job


async def answer_result(service: Service, request: Request, job: Job) -> Response:
    """Answer with the file of a job that is done.

    Raises:
        RefusalError: it was deleted meanwhile.
    """
    path = await service.call(service.store.result_path, job.id)
    if path is None or job.result is None:
        raise _gone()
    notes = json.dumps(list(job.result.notes))
    try:
        return answer_file(
            request,
            path,
            media_type=job.result.media_type,
            etag=job.result.sha256,
            download=job.result.file_name,
            headers={"X-Kukkiri-Job": job.id, "X-Kukkiri-Notes": notes},
        )
    except OSError as error:
        raise _gone() from error


def _gone() -> RefusalError:
    return RefusalError(404, "the result was deleted.", remedy="Send the image again.")


def _accept(job: Job) -> JSONAnswer:
    return JSONAnswer(describe_job(job), 202, headers={"Location": f"/v1/jobs/{job.id}"})
