"""A typed client of ``kukkiri serve``, of the standard library alone."""

from kukkiri.client.connection import RemoteError
from kukkiri.client.remote import Client, RemoteJob, RemoteResult, UpscaleOptions

__all__ = ["Client", "RemoteError", "RemoteJob", "RemoteResult", "UpscaleOptions"]
