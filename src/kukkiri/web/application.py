"""The application: routes, middleware, errors, and the life of store and workers."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Match

from kukkiri import __version__
from kukkiri.errors import KukkiriError
from kukkiri.web import routes_about, routes_jobs, routes_page, routes_upscale
from kukkiri.web.answers import answer_refusal
from kukkiri.web.authentication import Authentication
from kukkiri.web.body_limit import BodyLimit, ClientLimit
from kukkiri.web.error_shape import RefusalError
from kukkiri.web.prometheus import Measuring
from kukkiri.web.safe_headers import HeadRequests, OwnSiteOnly, SafeHeaders
from kukkiri.web.service import Service

__all__ = ["make_application"]

_LOG = logging.getLogger("kukkiri.web")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_SUMMARY = "Super-resolution: images in, upscaled images out."


def make_application(service: Service, *, serves_metrics: bool = True) -> FastAPI:
    """Make the ASGI application of a server.

    Args:
        service: its parts; the application starts and ends the workers.
        serves_metrics: ``/metrics`` is among its addresses, not on a port of its own.
    """
    application = FastAPI(
        title="kukkiri",
        version=__version__,
        summary=_SUMMARY,
        docs_url=None,
        redoc_url=None,
        lifespan=_live,
        middleware=_list_middleware(service),
        exception_handlers={
            RefusalError: _answer_refusal,
            KukkiriError: _answer_error,
            RequestValidationError: _answer_invalid,
            HTTPException: _answer_http,
            Exception: _answer_failure,
        },
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    application.state.service = service
    for router in (routes_upscale.router, routes_jobs.router, routes_about.router, routes_page.router):
        application.include_router(router)
    if serves_metrics:
        application.include_router(routes_about.metrics_router)
    _secure_schema(application, service)
    return application


def _list_middleware(service: Service) -> list[Middleware]:
    """From the outside in."""
    settings = service.settings
    listed = [Middleware(Measuring, metrics=service.metrics), Middleware(SafeHeaders)]
    if settings.origins:
        listed.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.origins,
                allow_methods=("GET", "POST", "DELETE"),
                allow_headers=("authorization", "x-api-key", "content-type", "prefer", "range"),
                expose_headers=("content-disposition", "etag", "location", "x-kukkiri-job", "x-kukkiri-notes"),
            )
        )
    return [
        *listed,
        Middleware(HeadRequests),
        Middleware(OwnSiteOnly, origins=settings.origins, host_names=settings.host_names),
        Middleware(Authentication, keys=service.keys),
        Middleware(ClientLimit, limits=service.limits),
        Middleware(BodyLimit, limits=service.limits),
    ]


@asynccontextmanager
async def _live(application: FastAPI) -> AsyncIterator[None]:
    service: Service = application.state.service
    if service.pool is not None:
        await service.call(service.pool.start)
    try:
        yield
    finally:
        await service.stop()


async def _answer_refusal(request: Request, error: Exception) -> Response:
    return answer_refusal(error if isinstance(error, RefusalError) else RefusalError.of(error))


async def _answer_error(request: Request, error: Exception) -> Response:
    return answer_refusal(RefusalError.of(error))


async def _answer_invalid(request: Request, error: Exception) -> Response:
    """Answer for a parameter that FastAPI found wrong; the input is quoted only in part."""
    problems: list[Any] = list(error.errors()) if isinstance(error, RequestValidationError) else []
    first: Any = problems[0] if problems else {"loc": ("request",), "msg": "cannot be read", "input": None}
    name = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    refusal = RefusalError(
        422,
        f"{name} does not fit.",
        got=repr(first.get("input"))[:100],
        expected=str(first["msg"]),
        remedy="See /docs for what this address takes.",
    )
    return answer_refusal(refusal)


async def _answer_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        allowed = ", ".join(_find_methods(request))
        refusal = RefusalError(
            405,
            f"{request.url.path[:200]} does not know the method {request.method[:20]}.",
            got=request.method[:20],
            expected=allowed,
            remedy="See /docs for the addresses and their methods.",
            headers={"Allow": allowed},
        )
        return (
            Response(status_code=204, headers=refusal.headers)
            if request.method == "OPTIONS"
            else answer_refusal(refusal)
        )
    if status == 404:
        return answer_refusal(
            RefusalError(
                404,
                "there is nothing at this address.",
                got=request.url.path[:200],
                expected="an address that /docs lists",
                remedy="Check the address.",
            )
        )
    detail = str(getattr(error, "detail", "the request was refused"))
    return answer_refusal(RefusalError(status, detail, headers=getattr(error, "headers", None)))


def _find_methods(request: Request) -> list[str]:
    """Methods that the path of a request knows."""
    known = {"OPTIONS"}
    for route in request.app.routes:
        for method in _METHODS:
            if route.matches({**request.scope, "method": method})[0] is Match.FULL:
                known |= {method, "HEAD"} if method == "GET" else {method}
    return sorted(known)


async def _answer_failure(request: Request, error: Exception) -> Response:
    """Answer for a fault of the program; Starlette logs its traceback."""
    return answer_refusal(
        RefusalError(500, "the server failed.", got=type(error).__name__, remedy="Try again; its log says more.")
    )


def _secure_schema(application: FastAPI, service: Service) -> None:
    """Say in the schema that a key is needed, where one is."""
    make = application.openapi

    def describe() -> dict[str, Any]:
        schema = make()
        if service.keys:
            schema.setdefault("components", {})["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            }
            for path, item in schema["paths"].items():
                for operation in item.values():
                    if path.startswith(("/v1/", "/metrics")):
                        operation["security"] = [{"bearer": []}, {"key": []}]
        return schema

    application.openapi = describe  # type: ignore[method-assign]
