"""The contract between a run over files, and what keeps a record of its jobs on a higher level."""

from typing import Literal, Protocol

from kukkiri.inference.file_jobs import FileJob
from kukkiri.inference.file_results import FileResult

__all__ = ["JobRecorder", "Verdict"]

Verdict = Literal["make", "replace", "skip"]
"""Make the result; make it, in place of an existing one of an earlier run; or do nothing, because it is there."""


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
