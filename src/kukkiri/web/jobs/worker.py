"""A worker process: ``python -m kukkiri.web.jobs.worker`` claims one piece of work after the other and does it."""

import dataclasses
import io
import json
import logging
import os
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from kukkiri.signals import handled_signals
from kukkiri.web.jobs.admission import UpscalerCache, choose_threads
from kukkiri.web.jobs.database import JobFolder, StoreError
from kukkiri.web.jobs.presence import BEAT, Presence
from kukkiri.web.jobs.runner import do_work
from kukkiri.web.jobs.work_queue import WorkQueue
from kukkiri.web.limits import Limits
from kukkiri.web.settings import ServerSettings

__all__ = ["ABANDON", "STOP", "describe_settings", "serve_jobs"]

_LOG = logging.getLogger(__name__)
STOP, ABANDON = b"s", b"a"
"""Bytes that the server sends: finish the work at hand and end; give it back and end."""
_IDLE = 0.1  # seconds between two looks at an empty queue
_TROUBLE = 2.0  # seconds after an error of the store


def serve_jobs(
    settings: ServerSettings, *, stopping: threading.Event, abandon: Callable[[], bool] = lambda: False, pool: str = ""
) -> None:
    """Claim and do one piece of work after the other.

    Args:
        settings: of the server.
        stopping: set when no further work is to be claimed.
        abandon: true when the present work is to be given back, too.
        pool: name of the process that started this one.
    """
    folder = JobFolder(settings.folder)
    presence = Presence(folder.locks, kind="worker")
    queue = WorkQueue(folder, memory=settings.limits.memory_bytes)
    upscalers = UpscalerCache(threads=choose_threads(settings), workers=max(1, settings.workers))
    temporary = folder.temporary / presence.name
    temporary.mkdir(mode=0o700)
    _beat(presence, stopping)
    with suppress(OSError):  # the server may be gone already
        os.write(1, f"{presence.name}\n".encode())
    while not stopping.is_set():
        try:
            work = queue.claim(presence.name, pool=pool)
            if work is None:
                stopping.wait(_IDLE)
                continue
            do_work(queue, work, upscalers, temporary, settings=settings, stop=abandon)
            _clear(temporary)
        except StoreError:
            _LOG.exception("the store of jobs is in trouble")
            stopping.wait(_TROUBLE)
    shutil.rmtree(temporary, ignore_errors=True)
    presence.end()
    folder.close()


def _clear(folder: Path) -> None:
    """Delete what a work left that failed or was cancelled."""
    for file in folder.iterdir():
        file.unlink(missing_ok=True)


def describe_settings(settings: ServerSettings, *, pool: str) -> str:
    """One line of JSON that a worker process reads."""
    return json.dumps({**dataclasses.asdict(settings), "folder": str(settings.folder), "pool": pool})


def _read_settings(values: dict[str, Any]) -> ServerSettings:
    known = {field.name for field in dataclasses.fields(ServerSettings)}
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    values |= {"folder": Path(values["folder"]), "limits": Limits(**values["limits"])}
    return ServerSettings(**{name: value for name, value in values.items() if name in known})


def _beat(presence: Presence, stopping: threading.Event) -> None:
    def run() -> None:
        while not stopping.wait(BEAT):
            presence.beat()

    threading.Thread(target=run, name="kukkiri-beat", daemon=True).start()


def _main() -> None:
    """Serve until the server says stop, a signal comes, or the server is gone; the work at hand is finished.

    The server says it through the pipe that the settings came from, and also when the work is to be given back.
    """
    logging.basicConfig(format="kukkiri worker: %(levelname)s: %(message)s")
    logging.getLogger("pyvips").setLevel(logging.ERROR)  # its warnings are of inputs, whose jobs tell them in words
    pipe = io.FileIO(0, closefd=False)  # without a buffer, whose lock a thread would hold at the exit
    values: dict[str, Any] = json.loads(pipe.readline())
    settings = _read_settings(values)
    stopping, abandoned = threading.Event(), threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    def listen() -> None:
        while said := pipe.read(1):  # ends when the server is gone, however it went
            stopping.set()
            if said == ABANDON:
                abandoned.set()
        stopping.set()

    threading.Thread(target=listen, name="kukkiri-parent", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the server stops its workers
    with handled_signals(stop):
        serve_jobs(settings, stopping=stopping, abandon=abandoned.is_set, pool=values["pool"])


if __name__ == "__main__":
    _main()
