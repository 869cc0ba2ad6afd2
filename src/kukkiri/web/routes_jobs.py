"""``/v1/jobs``: state, events, result, input and end of a job; several results as one archive."""

from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from kukkiri.images.formats import recognize
from kukkiri.web.answers import JSONAnswer
from kukkiri.web.error_shape import RefusalError
from kukkiri.web.events import write_events
from kukkiri.web.file_answers import answer_file, name_download
from kukkiri.web.jobs.clips import CLIP_MEDIA_TYPES, is_clip
from kukkiri.web.jobs.job import Job
from kukkiri.web.media_types import MEDIA_TYPES
from kukkiri.web.responses import describe_errors, describe_image
from kukkiri.web.routes_upscale import answer_result
from kukkiri.web.service import find_service
from kukkiri.web.submitting import find_job, name_client, refuse_unknown_query
from kukkiri.web.wire import JobAnswer, JobsAnswer, describe_job
from kukkiri.web.zip_stream import stream_zip, unique_names

__all__ = ["router"]

router = APIRouter(tags=["jobs"], dependencies=[Depends(refuse_unknown_query)])
JobId = Annotated[
    str, Path(pattern="^[A-Za-z0-9_-]{1,64}$", description="id of a job", examples=["Zk3tQ0dDRYm7h1g2Jx5Z9A"])
]
_MOST = 1000


@router.get(
    "/v1/jobs",
    summary="List this client's jobs",
    operation_id="list_jobs",
    response_class=JSONAnswer,
    responses={200: {"model": JobsAnswer}, **describe_errors()},
)
async def list_jobs(
    request: Request, limit: Annotated[int, Query(ge=1, le=_MOST, description="of the list")] = 100
) -> Response:
    """List the jobs of the client that asks, the latest first."""
    service = find_service(request)
    jobs = await service.call(service.store.list_jobs, client=name_client(request), limit=limit)
    return JSONAnswer({"jobs": [describe_job(job) for job in jobs]})


@router.get(
    "/v1/jobs/{job_id}",
    summary="Get a job",
    operation_id="get_job",
    response_class=JSONAnswer,
    responses={200: {"model": JobAnswer}, **describe_errors(404)},
)
async def get_job(request: Request, job_id: JobId) -> Response:
    """Tell the state, place in the queue, progress and result of a job."""
    return JSONAnswer(describe_job(await find_job(find_service(request), request, job_id)))


@router.delete(
    "/v1/jobs/{job_id}",
    summary="Cancel or delete a job",
    operation_id="delete_job",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is gone, with its files."}, **describe_errors(404)},
)
async def delete_job(request: Request, job_id: JobId) -> Response:
    """Cancel a job that is not done, and delete it with its files."""
    service = find_service(request)
    job = await find_job(service, request, job_id)
    await service.call(service.store.delete, job.id)
    return Response(status_code=204)


@router.get(
    "/v1/jobs/{job_id}/events",
    summary="Follow a job",
    operation_id="follow_job",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events named job, each with the JSON of the job; the last one is final.",
            "content": {"text/event-stream": {}},
        },
        **describe_errors(404),
    },
)
async def follow_job(request: Request, job_id: JobId) -> Response:
    """Stream the job whenever it changes, until it is done, failed or cancelled."""
    service = find_service(request)
    job = await find_job(service, request, job_id)
    events = write_events(service.watch, job, describe=describe_job, closing=service.closing)
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@router.get(
    "/v1/jobs/{job_id}/result",
    summary="Get the result of a job",
    operation_id="get_result",
    response_class=Response,
    responses={
        200: describe_image("The result.", headers=("Content-Disposition", "ETag", "X-Kukkiri-Notes")),
        206: describe_image("The part that a Range asked for.", headers=("Content-Range",)),
        304: {"description": "The result is the one that the client has."},
        **describe_errors(404, 409, 416),
    },
)
async def get_result(request: Request, job_id: JobId) -> Response:
    """Answer with the image of a job that is done."""
    service = find_service(request)
    job = await find_job(service, request, job_id)
    if job.state == "failed" and job.error is not None:
        raise RefusalError(
            409, f"the job failed: {job.error.what}", got=job.error.got, expected="a job that is done",
            remedy=job.error.remedy,
        )  # fmt: skip
    if job.state != "done":
        raise RefusalError(
            409, "the job is not done.", got=job.state, expected="done", remedy="Wait for it, then ask again."
        )
    return await answer_result(service, request, job)


@router.get(
    "/v1/jobs/{job_id}/input",
    summary="Get the image of a job",
    operation_id="get_input",
    response_class=Response,
    responses={
        200: describe_image("The image that was sent."),
        206: describe_image("The part that a Range asked for.", headers=("Content-Range",)),
        304: {"description": "The image is the one that the client has."},
        **describe_errors(404, 416),
    },
)
async def get_input(request: Request, job_id: JobId) -> Response:
    """Answer with the image that was sent, such as for a comparison with its result."""
    service = find_service(request)
    job = await find_job(service, request, job_id)
    path = await service.call(service.store.input_path, job.id)
    try:
        if path is None:
            raise FileNotFoundError
        kind = await service.call(_find_type, path, job.input_name)
        return answer_file(request, path, media_type=kind, etag=job.input_sha256, download=job.input_name)
    except OSError as error:
        raise RefusalError(404, "the image was deleted.", remedy="Send it again.") from error


@router.get(
    "/v1/results.zip",
    summary="Get several results as one archive",
    operation_id="get_archive",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The results as a ZIP archive.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        **describe_errors(404, 409),
    },
)
async def get_archive(
    request: Request,
    ids: Annotated[
        list[str], Query(alias="id", min_length=1, max_length=_MOST, description="id of a job that is done")
    ],
) -> Response:
    """Answer with an archive of the results, which is written while it is sent."""
    service = find_service(request)
    jobs = [await find_job(service, request, job_id) for job_id in dict.fromkeys(ids)]
    files: list[Any] = []
    try:
        for job, name in zip(jobs, unique_names(_name_result(job) for job in jobs), strict=True):
            path = await service.call(service.store.result_path, job.id)
            if path is None:
                raise FileNotFoundError
            files.append((name, path.open("rb")))
    except OSError as error:
        for _, file in files:
            file.close()
        raise RefusalError(404, "a result was deleted.", remedy="Ask for the others.") from error
    headers = {"Content-Disposition": name_download("kukkiri.zip")}
    return StreamingResponse(stream_zip(files), media_type="application/zip", headers=headers)


def _name_result(job: Job) -> str:
    if job.result is None:
        raise RefusalError(
            409, "a job is not done.", got=f"{job.id}: {job.state}", expected="done", remedy="Leave it out, or wait."
        )
    return job.result.file_name


def _find_type(path: FilePath, name: str) -> str:
    """Media type of an image by its bytes; of a clip by its name, too, because a container alone does not tell it."""
    if is_clip(path):
        return CLIP_MEDIA_TYPES.get(FilePath(name).suffix.lower(), "application/octet-stream")
    with path.open("rb") as file:
        return MEDIA_TYPES.get(recognize(file.read(1024)) or "", "application/octet-stream")
