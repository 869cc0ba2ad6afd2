"""A typed client of ``kukkiri serve``, of the standard library alone."""

from kukkiri.client.connection import RemoteError
from kukkiri.client.jobs import RemoteJob
from kukkiri.client.remote import Client, UpscaleOptions
from kukkiri.client.results import RemoteResult

__all__ = ["Client", "RemoteError", "RemoteJob", "RemoteResult", "UpscaleOptions"]
