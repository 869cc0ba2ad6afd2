"""Routes that tell about the server: models, limits, health, readiness, metrics, sessions."""

import importlib.util
from functools import cache
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from kukkiri import __version__, pretrained
from kukkiri.files import CLIP_OUTPUT_SUFFIXES
from kukkiri.images.format_list import FORMATS
from kukkiri.inference import PRESETS
from kukkiri.inference.dials import list_dials
from kukkiri.web.answers import JSONAnswer
from kukkiri.web.authentication import COOKIE
from kukkiri.web.error_shape import RefusalError
from kukkiri.web.jobs.options import list_names
from kukkiri.web.limits import list_limits
from kukkiri.web.prometheus import MEDIA_TYPE
from kukkiri.web.responses import describe_errors
from kukkiri.web.service import Service, find_service
from kukkiri.web.submitting import refuse_unknown_query
from kukkiri.web.wire import HealthAnswer, LimitsAnswer, ModelsAnswer, ReadyAnswer

__all__ = ["metrics_router", "router", "write_metrics"]

router = APIRouter(dependencies=[Depends(refuse_unknown_query)])
metrics_router = APIRouter(dependencies=[Depends(refuse_unknown_query)])
_MONTH = 30 * 86400


@router.get(
    "/v1/models",
    tags=["about"],
    summary="List models, presets and formats",
    operation_id="list_models",
    response_class=JSONAnswer,
    responses={200: {"model": ModelsAnswer}, **describe_errors()},
)
async def list_models(request: Request) -> Response:
    """List what an upscaling can choose from, with the measured quality and the licence of every model."""
    return JSONAnswer(await find_service(request).call(_describe_models))


@router.get(
    "/v1/limits",
    tags=["about"],
    summary="List every limit",
    operation_id="list_limits",
    response_class=JSONAnswer,
    responses={200: {"model": LimitsAnswer}, **describe_errors()},
)
async def get_limits(request: Request) -> Response:
    """List every limit with its value, unit and the option that sets it."""
    listed = {limit.pop("name"): limit for limit in list_limits(find_service(request).limits)}
    return JSONAnswer({"version": __version__, "limits": listed})


@router.get(
    "/health",
    tags=["operation"],
    summary="Tell that the process answers",
    operation_id="get_health",
    response_class=JSONAnswer,
    responses={200: {"model": HealthAnswer}, **describe_errors()},
)
async def get_health() -> Response:
    """Answer, without a look at workers or queue."""
    return JSONAnswer({"status": "ok", "version": __version__})


@router.get(
    "/ready",
    tags=["operation"],
    summary="Tell whether work is taken",
    operation_id="get_ready",
    response_class=JSONAnswer,
    responses={200: {"model": ReadyAnswer}, **describe_errors(503)},
)
async def get_ready(request: Request) -> Response:
    """Answer 200 when a worker lives and the queue has a place, else 503."""
    service = find_service(request)
    workers = service.count_workers()
    queued = await service.call(service.store.queue_length)
    limit = service.limits.max_queue
    if service.closing.is_set():
        raise _not_ready("the server stops.", "Ask its successor.")
    if not workers:
        raise _not_ready("no worker process is alive.", "Wait until one has started.")
    if limit and queued >= limit:
        raise _not_ready("the queue is full.", "Wait until a job is done.")
    return JSONAnswer({"status": "ready", "workers": workers, "queued": queued})


@router.post(
    "/v1/session",
    tags=["about"],
    summary="Begin a session in a browser",
    operation_id="begin_session",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "The cookie is set."}, **describe_errors()},
)
async def begin_session(request: Request) -> Response:
    """Set a cookie that stands for the API key of this request, so that images and links of a page can be fetched."""
    service = find_service(request)
    answer = Response(status_code=204)
    key = read_key(request)
    if service.keys and key:
        answer.set_cookie(
            COOKIE,
            service.keys.make_session(key),
            max_age=_MONTH,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
    return answer


@router.delete(
    "/v1/session",
    tags=["about"],
    summary="End a session in a browser",
    operation_id="end_session",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "The cookie is forgotten."}, **describe_errors()},
)
async def end_session() -> Response:
    """Let the browser forget the cookie."""
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


@metrics_router.get(
    "/metrics",
    tags=["operation"],
    summary="Counters for Prometheus",
    operation_id="get_metrics",
    response_class=Response,
    responses={
        200: {"description": "Text form 0.0.4.", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}},
        **describe_errors(),
    },
)
async def get_metrics(request: Request) -> Response:
    """Tell requests by route and status, times, bytes, jobs by state, and workers."""
    return Response(await write_metrics(find_service(request)), media_type=MEDIA_TYPE)


async def write_metrics(service: Service) -> str:
    """Write the metrics of a server."""
    jobs = await service.call(service.store.count)
    return service.metrics.write(
        jobs={str(state): number for state, number in jobs.items()},
        workers=service.count_workers(),
        running_memory=await service.call(service.store.running_memory),
        version=__version__,
    )


def read_key(request: Request) -> str:
    """Return the API key that a request has in its headers, or nothing."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def _not_ready(what: str, remedy: str) -> RefusalError:
    return RefusalError(
        503, what, expected="a worker and a place in the queue", remedy=remedy, headers={"Retry-After": "2"}
    )


@cache
def _describe_models() -> dict[str, Any]:
    clips = importlib.util.find_spec("av") is not None
    suffixes = [suffix for form in FORMATS if form.is_writable for suffix in form.suffixes]
    suffixes += CLIP_OUTPUT_SUFFIXES if clips else ()
    cards = [pretrained.read_card(name) for name in pretrained.list_models()]
    return {
        "presets": [
            {
                "name": name,
                "family": preset.family,
                "ensemble": preset.ensemble,
                "dials": list_dials(preset.family),
                "summary": preset.summary,
            }
            for name, preset in PRESETS.items()
        ],
        "models": cards,
        "names": list_names(),
        "scales": sorted({card["scale"] for card in cards}),
        "weights": ["auto", "clean", "photo", "line"],
        "formats": ["same", *(suffix.removeprefix(".") for suffix in dict.fromkeys(suffixes))],
        "reads": [form.name for form in FORMATS if form.is_readable],
        "clips": clips,
    }
