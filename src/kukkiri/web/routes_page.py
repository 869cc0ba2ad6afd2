"""The page, its files, the page on the API, and the networks for the engine in the browser."""

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

from fastapi import APIRouter, Request
from starlette.responses import Response

from kukkiri.errors import KukkiriError
from kukkiri.web.answers import JSONAnswer
from kukkiri.web.error_shape import RefusalError
from kukkiri.web.file_answers import answer_file
from kukkiri.web.page_files import PageFile, list_page_files
from kukkiri.web.service import find_service

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
_STATIC = Path(__file__).parent / "static"
_BROWSER = "kukkiri.web.browser_networks"


@router.get("/")
async def get_page(request: Request) -> Response:
    """The page."""
    return await _answer(request, "index.html")


@router.get("/docs")
async def get_api_page(request: Request) -> Response:
    """The page on the API, made in the browser from ``/openapi.json``."""
    return await _answer(request, "docs.html")


@router.get("/favicon.ico")
async def get_icon(request: Request) -> Response:
    """The icon, for browsers that ask for it without being told."""
    return await _answer(request, "icon.svg")


@router.get("/static/{name:path}")
async def get_file(request: Request, name: str) -> Response:
    """A file of the page."""
    return await _answer(request, name)


@router.get("/networks/manifest.json")
async def list_networks(request: Request) -> Response:
    """The networks that the browser can run."""
    module = _find_browser_networks()
    return JSONAnswer(await find_service(request).call(module.describe_networks))


@router.get("/networks/{network}.onnx")
async def get_network(request: Request, network: str) -> Response:
    """A network for the browser."""
    service = find_service(request)
    try:
        path = await service.call(_find_browser_networks().locate_network, network)
    except KukkiriError as error:
        raise RefusalError.of(error, status=404) from error
    found = await service.call(_describe_network, path)
    return answer_file(request, found.path, media_type=found.media_type, etag=found.etag, cache="no-cache")


async def _answer(request: Request, name: str) -> Response:
    file = _files().get(name)
    if file is None:
        raise RefusalError(404, "there is no such file.", got=name[:100], remedy="Begin at the page itself: /.")
    headers = {"Vary": "Accept-Encoding"} if file.packed else {}
    if file.packed and "gzip" not in request.headers.get("accept-encoding", ""):
        unpacked = await find_service(request).call(file.unpack)
        return Response(unpacked, media_type=file.media_type, headers=headers)
    if file.packed:
        headers["Content-Encoding"] = "gzip"
    if Path(name).name.startswith(("sw", "service-worker")):
        headers["Service-Worker-Allowed"] = "/"
    return answer_file(
        request, file.path, media_type=file.media_type, etag=file.etag, headers=headers, cache="no-cache"
    )


@cache
def _files() -> dict[str, PageFile]:
    return list_page_files(_STATIC)


@cache
def _describe_network(path: Path) -> PageFile:
    return next(file for file in list_page_files(path.parent).values() if file.path == path)


def _find_browser_networks() -> ModuleType:
    if importlib.util.find_spec(_BROWSER) is None:
        raise RefusalError(404, "this server has no networks for the browser.", remedy="Use the API.")
    return importlib.import_module(_BROWSER)
