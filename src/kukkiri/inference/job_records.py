"""The contract between a run over files, and what keeps a record of its jobs on a higher level."""

from collections.abc import Callable
from typing import Literal, Protocol

from kukkiri.errors import ConfigError
from kukkiri.inference.file_jobs import FileJob
from kukkiri.inference.file_results import FileResult

__all__ = ["JobRecorder", "JobStage", "RunEndedError", "Verdict"]

Verdict = Literal["make", "replace", "skip"]
"""Make the result; make it, in place of an existing one of an earlier run; or do nothing, because it is there."""


class RunEndedError(ConfigError):
    """The run cannot go on with any of its jobs."""


class JobStage(Protocol):
    """Bring sources to this disk that are not there when the jobs are planned; called from several threads."""

    def settle(self, job: FileJob, *, rename: Callable[[FileJob], FileJob] | None) -> FileJob:
        """Give a job the target that it has by the content of its source.

        Args:
            job: with the target that the name of its source suggests.
            rename: names the target by the content, and needs the source on this disk; ``None``: the name tells all.

        Raises:
            KukkiriError: the source cannot be had, or another one has that target.
        """
        ...


class JobRecorder(Protocol):
    """Decide by its records which jobs are to be done, and record them; called from several threads."""

    def begin(self, job: FileJob) -> Verdict:
        """Record that a job begins, unless it is skipped.

        Raises:
            KukkiriError: its target exists, and no record tells that an earlier run made it.
        """
        ...

    def finish(self, result: FileResult) -> FileResult:
        """Record an outcome, and return it with further notes.

        Raises:
            KukkiriError: it cannot be recorded.
        """
        ...
