"""The identity of a piece of work: equal inputs, options, networks and versions give equal results."""

import hashlib
from functools import cache

from kukkiri.cluster.fingerprints import find_version, hash_model
from kukkiri.web.jobs.options import JobOptions

__all__ = ["identify"]


def identify(sha256: str, options: JobOptions) -> str:
    """Return the identity of the work on an input, in hexadecimal digits.

    Args:
        sha256: of the input.
        options: of the job.
    """
    parts = (find_version(), sha256, options.key(), _hash_networks(options.chosen_model))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


_hash_networks = cache(hash_model)
