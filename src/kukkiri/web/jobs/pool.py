"""The worker processes of a server: started, watched, restarted when they die, and stopped without losing work."""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

from kukkiri.errors import KukkiriError
from kukkiri.web.jobs.admission import choose_threads
from kukkiri.web.jobs.database import JobFolder
from kukkiri.web.jobs.keeping import sweep
from kukkiri.web.jobs.presence import BEAT, Presence
from kukkiri.web.jobs.problems import describe_error
from kukkiri.web.jobs.work_queue import WorkQueue
from kukkiri.web.jobs.worker import ABANDON, STOP, describe_settings
from kukkiri.web.limits import name_option
from kukkiri.web.settings import ServerSettings

__all__ = ["WorkerPool"]

_LOG = logging.getLogger(__name__)
_TICK = 0.5
_SWEEP = 30.0  # seconds between two sweeps
_GRACE = 30.0  # seconds beyond its time that a work has until its next tile, before its process is killed
_PATIENCE = 5.0  # seconds that a worker has to give its work back
_LONGEST_PAUSE = 10.0


@dataclass(eq=False)
class _Worker:
    """A process, and what it reported."""

    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    name: str = ""
    """Of its presence; empty until it is ready."""

    def tell(self, said: bytes) -> None:
        """Send something through its pipe, which may be closed."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self.process.stdin.write(said)
                self.process.stdin.flush()

    def close(self) -> None:
        """Close its pipes."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class WorkerPool:
    """Worker processes on a folder of jobs."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._folder = JobFolder(settings.folder)
        self._queue = WorkQueue(self._folder, memory=settings.limits.memory_bytes)
        self._presence = Presence(self._folder.locks, kind="pool")
        self._workers: list[_Worker] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._pause, self._next_start = 0.0, 0.0

    def start(self) -> None:
        """Take up the work of dead processes, and start the workers."""
        self._queue.requeue_dead()
        sweep(self._folder, self._settings.limits)
        self._workers = [self._spawn() for _ in range(self._settings.workers)]
        self._thread = threading.Thread(target=self._watch, name="kukkiri-pool", daemon=True)
        self._thread.start()

    def alive(self) -> int:
        """Number of workers that live and are ready."""
        return sum(worker.process.poll() is None and bool(worker.name) for worker in self._workers)

    def list_processes(self) -> list[int]:
        """Process numbers of the workers that live."""
        return [worker.process.pid for worker in self._workers if worker.process.poll() is None]

    def stop(self, *, seconds: float | None = None) -> None:
        """Let running jobs finish, then give back what runs still, then kill.

        Args:
            seconds: for running jobs; by default ``stop_seconds`` of the settings.
        """
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        patience = self._settings.stop_seconds if seconds is None else seconds
        for said, wait in ((STOP, patience), (ABANDON, _PATIENCE)):
            for worker in self._workers:
                worker.tell(said)
            if self._wait(wait):
                break
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.kill()
                self._give_back(worker)
            worker.process.wait()
            worker.close()
        self._queue.requeue_dead()
        sweep(self._folder, self._settings.limits)
        self._presence.end()
        self._folder.close()

    def _give_back(self, worker: _Worker) -> None:
        """Give the work of a killed worker back; its end says nothing about the work."""
        worker.process.wait()
        for work in self._queue.list_running([worker.name]):
            self._queue.give_back(work)

    def _wait(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.list_processes():
                return True
            time.sleep(0.05)
        return not self.list_processes()

    def _spawn(self) -> _Worker:
        threads = str(choose_threads(self._settings))
        process = subprocess.Popen(
            [sys.executable, "-m", "kukkiri.web.jobs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "VIPS_CONCURRENCY": threads},
        )
        worker = _Worker(process)
        worker.tell(f"{describe_settings(self._settings, pool=self._presence.name)}\n".encode())
        threading.Thread(target=_read_name, args=(worker,), name="kukkiri-ready", daemon=True).start()
        return worker

    def _watch(self) -> None:
        swept = beaten = time.monotonic()
        while not self._over.wait(_TICK):
            try:
                self._end_overdue()
                self._restart_dead()
                self._queue.requeue_dead()
                if time.monotonic() - beaten > BEAT:
                    self._presence.beat()
                    beaten = time.monotonic()
                if time.monotonic() - swept > _SWEEP:
                    sweep(self._folder, self._settings.limits)
                    swept = time.monotonic()
            except KukkiriError:
                _LOG.exception("the store of jobs is in trouble")

    def _restart_dead(self) -> None:
        """Replace workers that ended; after ones that ended at once, more and more slowly."""
        for place, worker in enumerate(self._workers):
            if worker.process.poll() is None or time.monotonic() < self._next_start:
                continue
            lived = time.monotonic() - worker.started
            _LOG.warning("worker %d ended with %d; starting another", worker.process.pid, worker.process.returncode)
            self._pause = 0.0 if lived > _LONGEST_PAUSE else min(_LONGEST_PAUSE, 2 * self._pause + 0.25)
            self._next_start = time.monotonic() + self._pause
            worker.close()
            self._workers[place] = self._spawn()

    def _end_overdue(self) -> None:
        """Kill workers whose work is far beyond its time, as one tile that never ends is."""
        seconds = self._settings.limits.job_seconds
        names = {worker.name: worker for worker in self._workers if worker.name}
        if not seconds or not names:
            return
        for work in self._queue.list_running(list(names), seconds=seconds + _GRACE):
            error = describe_error(
                f"the work took longer than {seconds:g} s, the limit for one job ({name_option('job_seconds')}). Ask "
                "for a smaller scale, or send a part of the image.",
                status=504,
            )
            self._queue.fail(work, error)
            names[work.worker].process.kill()


def _read_name(worker: _Worker) -> None:
    if worker.process.stdout is not None:
        with contextlib.suppress(ValueError, OSError):
            worker.name = worker.process.stdout.readline().decode().strip()
            while worker.process.stdout.read(1024):  # a full pipe would block the worker
                pass
