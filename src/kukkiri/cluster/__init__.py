"""One run on many machines without a server between them: shards, manifests, and their summary.

Each process does the sources of its :class:`Shard`, and writes into a manifest what it has done. Nothing is shared but
the folders. :func:`summarize` merges the manifests; a resumed run goes by them.
"""

from kukkiri.cluster.fingerprints import Making
from kukkiri.cluster.manifest import Header, Manifest, Row, find_manifests, read_manifest
from kukkiri.cluster.recording import Recorder
from kukkiri.cluster.shards import Shard
from kukkiri.cluster.source_lists import SourceList
from kukkiri.cluster.summary import FailureGroup, Summary, summarize

__all__ = [
    "FailureGroup",
    "Header",
    "Making",
    "Manifest",
    "Recorder",
    "Row",
    "Shard",
    "SourceList",
    "Summary",
    "find_manifests",
    "read_manifest",
    "summarize",
]
