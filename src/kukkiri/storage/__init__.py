"""Object storage: S3, Google Cloud Storage, Azure and, for tests, the memory; one seam to list, read, write and stat.

It needs the extra ``cloud``. Nothing of it is imported before a URL is named, and nothing but what it names is fetched.
Credentials come from the environment, never from a URL.
"""

from kukkiri.storage.fetching import Fetched, fetch_folder
from kukkiri.storage.stores import ObjectState, Store, open_store
from kukkiri.storage.urls import StoreURL, find_url, locate

__all__ = [
    "Fetched",
    "ObjectState",
    "Store",
    "StoreURL",
    "fetch_folder",
    "find_url",
    "locate",
    "open_store",
]
