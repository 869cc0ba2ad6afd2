"""A run over files on Ray: paths go into an actor pool of Ray Data, and outcomes come out of it.

Images never go through Ray; workers read and write a disk that all machines see, or objects of a store. Ray does not
start unless it is asked to; docs/how-to/clusters.md says what its ports mean.
"""

import logging
import os
import pickle
import sys
import tempfile
import uuid
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from typing import Any, Self
from warnings import catch_warnings

from kukkiri.cluster.blocks import CrashLedger, do_rows, split_into_blocks
from kukkiri.cluster.head_watch import HeadWatch
from kukkiri.cluster.remote_worker import RemoteSettings, RemoteWorker, show_source
from kukkiri.errors import BackendError, ConfigError, make_printable, require
from kukkiri.inference import FileJob, FileResult, count_usable_threads
from kukkiri.inference.job_worker import JobSettings

__all__ = ["RayExecutor"]

_LOCAL, _OWN = "ray", "ray:auto"
_REMOTE = "ray://"
_OBJECT_STORE = 100 * 2**20  # bytes; Ray takes no less than 75 MB, and rows are small
_SOCKETS = "/tmp"  # the name of a socket has at most 107 bytes


class RayExecutor:
    """Does the jobs of a run in an actor pool of Ray Data; see :class:`kukkiri.inference.job_worker.JobExecutor`.

    A process that is lost is replaced, and its jobs are done again. A job on which three processes in a row are lost
    is an error.
    """

    def __init__(self, address: str, *, threads: int = 1, gpus: bool | None = False, cpus: int | None = None) -> None:
        """Keep what is asked for; Ray starts on entry.

        Args:
            address: ``ray``: a Ray of this run alone, on this machine; ``ray:auto``: the cluster that this machine is
                part of; ``ray://HOST:PORT``: a cluster's client server.
            threads: CPUs of a worker, and threads of its engine.
            gpus: each worker has a GPU of its own; ``None``: where the cluster has any.
            cpus: of ``ray``; by default those that this process may use.

        Raises:
            ConfigError: no such address, or too many threads for this machine.
            BackendError: Ray is not installed.
        """
        if address not in (_LOCAL, _OWN) and not (address.startswith(_REMOTE) and address.removeprefix(_REMOTE)):
            raise ConfigError(
                f"--on {make_printable(address)}: expected ray (on this machine), ray:auto (the cluster that this "
                "machine is part of) or ray://HOST:10001."
            )
        _set_variables(local=address == _LOCAL)
        require("ray", for_what=f"--on {address}")
        self.address, self._threads, self._gpus = address, threads, gpus
        self._cpus = cpus or count_usable_threads()
        if address == _LOCAL and threads > self._cpus:
            raise ConfigError(f"--threads {threads}: this machine has {self._cpus} for Ray. Ask for fewer.")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            import ray

            if ray.is_initialized():
                raise BackendError("Ray runs in this process already. End it with ray.shutdown().")
            stack.callback(ray.shutdown)
            _keep_standard_output()
            try:
                if self.address == _LOCAL:
                    start_local(stack, cpus=self._cpus)
                else:
                    address = "auto" if self.address == _OWN else self.address
                    with catch_warnings(action="ignore"):  # of a time-out, which the error below tells
                        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
            except Exception as error:
                raise BackendError(
                    f"--on {self.address}: Ray cannot be reached ({_first_line(error)}). Check the address and, where "
                    "the cluster asks for one, the token (RAY_AUTH_TOKEN)."
                    if self.address != _LOCAL
                    else f"--on ray: Ray does not start here ({_first_line(error)}). Run without --on."
                ) from error
            if not self.address.startswith(_REMOTE):  # Ray's client raises by itself
                stack.enter_context(HeadWatch(ray.get_runtime_context().gcs_address))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def execute(self, settings: JobSettings, jobs: Sequence[FileJob]) -> Generator[FileResult]:
        """Do each job once, see :class:`kukkiri.inference.job_worker.JobExecutor`.

        Raises:
            BackendError: Ray has ended, and some jobs are not done.
        """
        if not jobs:
            return
        waiting = dict(enumerate(jobs))
        with closing(self._run(settings, jobs)) as rows:
            for index, result in rows:
                job = waiting.pop(index, None)
                if job is not None:  # a row of a lost machine may come twice
                    yield replace(result, job=job)
        for job in waiting.values():
            yield FileResult(job, error=f"{show_source(job)}: Ray gave no outcome. Run again with --resume.")

    def _run(self, settings: JobSettings, jobs: Sequence[FileJob]) -> Generator[tuple[int, FileResult]]:
        import ray

        resources = ray.cluster_resources()
        gpus = resources.get("GPU", 0) >= 1 if self._gpus is None else self._gpus
        size, beside = self._size_pool(resources, max(1, len(ray.nodes())), gpus=gpus)
        pool = _Pool(
            settings=ray.cloudpickle.dumps(RemoteSettings.here(settings, threads=self._threads, workers=beside)),
            blocks=[
                [(index, pickle.dumps(jobs[index])) for index in block]
                for block in split_into_blocks(jobs, workers=size)
            ],
            name=f"kukkiri-{uuid.uuid4().hex}",
            size=size,
            threads=self._threads,
            gpus=gpus,
        )
        try:
            for block in _run_there(pool) if self.address.startswith(_REMOTE) else pool.run():
                for index, result in block:
                    yield index, pickle.loads(result)
        except Exception as error:
            raise BackendError(
                f"--on {self.address}: Ray has ended ({_first_line(error)}). Go on with --resume."
            ) from error

    def _size_pool(self, resources: dict[str, float], nodes: int, *, gpus: bool) -> tuple[int, int]:
        """Number of workers in the cluster, and of those on one machine."""
        size = int(resources.get("CPU", 0)) // self._threads
        if gpus:
            size = min(size, int(resources.get("GPU", 0)))
        if size < 1:
            wanted = f"{self._threads} CPUs{' and a GPU' if gpus else ''}"
            raise BackendError(f"--on {self.address}: no worker has room, each takes {wanted}. Add machines.")
        return size, -(-size // nodes)


@dataclass(frozen=True, kw_only=True)
class _Pool:
    """A pool of actors, and all that they do."""

    settings: bytes
    """:class:`RemoteSettings`, pickled."""
    blocks: list[list[tuple[int, bytes]]]
    """Indices and pickled jobs."""
    name: str
    size: int
    threads: int
    gpus: bool

    def run(self) -> Generator[list[tuple[int, bytes]]]:
        """Do all blocks through Ray Data; yields indices and pickled outcomes."""
        import pyarrow
        import ray.data

        _be_silent()
        tables = [
            pyarrow.table(
                {
                    "index": pyarrow.array([index for index, _ in block], pyarrow.int64()),
                    "job": pyarrow.array([job for _, job in block], pyarrow.binary()),
                }
            )
            for block in self.blocks
        ]
        done = ray.data.from_arrow(tables).map_batches(
            _make_actor(self.settings, self.name),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=min(self.size, len(tables))),
            num_cpus=self.threads,
            num_gpus=1 if self.gpus else None,
        )
        for batch in done.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            yield list(zip(batch.column("index").to_pylist(), batch.column("result").to_pylist(), strict=True))


class _PoolDriver:
    """Drives a pool from inside of the cluster: Ray Data does not run through Ray's client."""

    def __init__(self, pool: _Pool) -> None:
        self._blocks = pool.run()

    def take(self) -> list[tuple[int, bytes]] | None:
        """Wait for a block; ``None`` at the end."""
        return next(self._blocks, None)


def _run_there(pool: _Pool) -> Generator[list[tuple[int, bytes]]]:
    import ray

    driver = ray.remote(num_cpus=0)(_PoolDriver).remote(pool)
    while (block := ray.get(driver.take.remote())) is not None:
        yield block


def start_local(stack: ExitStack, *, cpus: int) -> None:
    """Start a Ray of this process alone, without a dashboard, whose files go when it ends.

    Args:
        stack: on which its end is put.
        cpus: of its workers.
    """
    import ray

    folder = stack.enter_context(
        tempfile.TemporaryDirectory(
            prefix="kukkiri-", dir=_SOCKETS if os.name == "posix" else None, ignore_cleanup_errors=True
        )
    )
    stack.callback(ray.shutdown)
    ray.init(
        "local",
        num_cpus=cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=_OBJECT_STORE,
        _temp_dir=folder,
    )


def _make_actor(settings: bytes, name: str) -> type[Any]:
    """Make the class of the pool's actors, which is sent by value, with the settings in it."""

    class Actor:
        def __init__(self) -> None:
            import ray

            self._worker = RemoteWorker(pickle.loads(settings))
            replaces = ray.get_runtime_context().was_current_actor_reconstructed
            self._ledger = CrashLedger(_RayStore(), name) if replaces else None

        def __call__(self, batch: Any) -> Any:
            import pyarrow

            indices = batch.column("index").to_pylist()
            rows = list(zip(indices, batch.column("job").to_pylist(), strict=True))
            results = do_rows(self._worker, rows, self._ledger)
            return pyarrow.table({"index": indices, "result": pyarrow.array(results, pyarrow.binary())})

    return Actor


class _RayStore:
    """The store of Ray's head, which needs no process of its own."""

    def get(self, key: str) -> bytes | None:
        from ray.experimental.internal_kv import _internal_kv_get

        value: bytes | None = _internal_kv_get(key)
        return value

    def put(self, key: str, value: bytes) -> None:
        from ray.experimental.internal_kv import _internal_kv_put

        _internal_kv_put(key, value, overwrite=True)


def _set_variables(*, local: bool) -> None:
    """Set what Ray reads when it is imported, unless the user has set it."""
    if "ray" in sys.modules:
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its other lines would come between those of the run
    if local:
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # without it, Ray lets in whoever reaches its ports
        os.environ.setdefault("RAY_agent_register_timeout_ms", "120000")  # a busy machine takes longer than 30 s
        os.environ.setdefault("RAY_worker_niceness", "0")  # by default 15: beside others, workers would hardly run


def _keep_standard_output() -> None:
    """Keep Ray from printing what happens to its workers to standard output, where results go; it has no option."""
    with suppress(ImportError):
        from ray._private import worker

        if hasattr(worker, "print_to_stdstream"):
            worker.print_to_stdstream = lambda *_, **__: None


def _be_silent() -> None:
    """Take Ray Data's own bars and lines away."""
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return make_printable(lines[-1] if lines else type(error).__name__)[:200]
