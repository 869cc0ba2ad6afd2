"""``kukkiri serve``: the web page and the HTTP API."""

import ipaddress
import logging
import os
import sys
import webbrowser
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from kukkiri.cli.parameters import UsageError
from kukkiri.cli.printing import print_progress, print_result
from kukkiri.errors import ConfigError, require
from kukkiri.web.limits import Limits
from kukkiri.web.settings import ServerSettings

__all__ = ["serve"]

_LOCAL_NAMES = ("127.0.0.1", "::1", "[::1]", "localhost")


@Parameter(name="*", group=Group("Network", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Addresses, and who may use the server."""

    host: str = "127.0.0.1"
    """address to listen at; 0.0.0.0 is every address of this machine."""
    port: int = 8080
    """0 is a free one."""
    api_key: Path | None = None
    """file of the API keys that are accepted, one a line; else those in the environment variable KUKKIRI_API_KEY."""
    host_name: tuple[str, ...] = ()
    """names under which the server is reached; by default only this machine's own while it listens at 127.0.0.1, so
    that no site can point a name of its own at it, and every name else."""
    allow_origin: tuple[str, ...] = ()
    """other sites whose pages may use the API, such as https://example.org (CORS)."""
    proxy: str | None = None
    """address of a proxy before the server, whose X-Forwarded-For tells the clients apart."""
    metrics_port: int | None = None
    """serve /metrics on this port of the same host, without a key, and not on the other one."""


@Parameter(name="*", group=Group("Work", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class WorkOptions:
    """Files and processes."""

    folder: Path | None = None
    """keeps jobs, images and results; ~/.local/state/kukkiri when not given."""
    workers: int = 1
    """processes that upscale, each one image at a time."""
    threads: int | None = None
    """CPU threads of each worker; all, divided by the workers, when not given."""
    stop_seconds: float = 30.0
    """time that running jobs have to finish when the server is stopped; the others are done after the next start."""


_DEFAULT_NETWORK = NetworkOptions()
_DEFAULT_WORK = WorkOptions()
_DEFAULT_LIMITS = Limits()


def serve(
    *,
    network: NetworkOptions = _DEFAULT_NETWORK,
    work: WorkOptions = _DEFAULT_WORK,
    limits: Annotated[Limits, Parameter(name="*", group=Group("Limits; 0 is none", sort_key=3))] = _DEFAULT_LIMITS,
    open: Annotated[bool, Parameter(help="open the page in a browser.")] = False,  # noqa: A002
    log_requests: Annotated[bool, Parameter(help="print a line for every request.")] = False,
) -> None:
    """Serve the web page and the HTTP API; nothing leaves this machine."""
    for module in ("fastapi", "uvicorn", "python_multipart"):
        require(module, for_what="kukkiri serve")
    from kukkiri.web.authentication import read_keys
    from kukkiri.web.jobs.pool import WorkerPool
    from kukkiri.web.jobs.store import JobStore
    from kukkiri.web.server import open_socket, run_server
    from kukkiri.web.service import Service

    _set_up_logging(requests=log_requests)
    keys = read_keys(network.api_key)
    settings = _make_settings(network, work, limits)
    listener = open_socket(network.host, network.port)
    metrics_listener = None
    if network.metrics_port is not None:
        metrics_listener = open_socket(network.host, network.metrics_port, option="--metrics-port")
    store = JobStore(settings)
    service = Service(settings, store=store, pool=WorkerPool(settings), keys=keys)
    address = _name_address(network.host, listener.getsockname()[1])

    def announce() -> None:
        print_result(address)
        print_progress(f"kukkiri: page at {address}/, API at {address}/docs, files in {settings.folder}. Ctrl-C stops.")
        if metrics_listener is not None:
            print_progress(
                f"kukkiri: metrics at {_name_address(network.host, metrics_listener.getsockname()[1])}/metrics"
            )
        if not keys and not _is_local(network.host):
            print_progress("kukkiri: anyone who reaches this address can use it. --api-key FILE asks for a key.")
        if open:
            webbrowser.open(f"{address}/")

    run_server(service, listener=listener, metrics_listener=metrics_listener, proxy=network.proxy, started=announce)


def _make_settings(network: NetworkOptions, work: WorkOptions, limits: Limits) -> ServerSettings:
    names = tuple(name.lower() for name in network.host_name)
    if _is_local(network.host) and network.proxy is None:
        names = (*names, *_LOCAL_NAMES, network.host)
    for origin in network.allow_origin:
        if not origin.startswith(("http://", "https://")) or origin.rstrip("/").count("/") != 2:
            raise UsageError(f"--allow-origin {origin!r} is no origin. Write scheme and host: https://example.org.")
    if network.proxy is not None:
        _check_proxy(network.proxy)
    folder = work.folder or _find_folder()
    settings = _check_numbers(folder, network, work, limits, names)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made ({error.strerror}). Choose another with --folder.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{folder}: is not writable. Choose another with --folder.")
    return replace(settings, folder=folder.resolve())


def _check_numbers(
    folder: Path, network: NetworkOptions, work: WorkOptions, limits: Limits, names: tuple[str, ...]
) -> ServerSettings:
    try:
        return ServerSettings(
            folder=folder,
            workers=work.workers,
            threads=work.threads,
            limits=limits,
            origins=tuple(origin.rstrip("/") for origin in network.allow_origin),
            host_names=names,
            stop_seconds=work.stop_seconds,
        )
    except ConfigError as error:
        raise UsageError(str(error)) from error


def _check_proxy(addresses: str) -> None:
    """Check that a proxy is given by number: the address of a connection has no name."""
    for address in addresses.split(","):
        try:
            ipaddress.ip_network(address.strip(), strict=False)
        except ValueError:
            raise UsageError(
                f"--proxy {addresses!r} is no address. Give the number of the proxy's, such as 127.0.0.1 or 10.0.0.0/8."
            ) from None


def _find_folder() -> Path:
    """The user's folder for what programs keep."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "kukkiri"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "kukkiri"


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name_address(host: str, port: int) -> str:
    """An address that a browser on this machine opens."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _set_up_logging(*, requests: bool) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    if requests:
        logging.getLogger("kukkiri.web.requests").setLevel(logging.INFO)
