"""The identity of a piece of work: equal inputs, options, networks and versions give equal results."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from kukkiri.cluster.fingerprints import hash_model
from kukkiri.web.jobs.options import JobOptions

__all__ = ["identify"]


def identify(sha256: str, options: JobOptions) -> str:
    """Return the identity of the work on an input, in hexadecimal digits.

    Args:
        sha256: of the input.
        options: of the job.
    """
    parts = (_find_version(), sha256, options.key(), _hash_networks(options.chosen_model))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _find_version() -> str:
    try:
        return version("kukkiri")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"


_hash_networks = cache(hash_model)
