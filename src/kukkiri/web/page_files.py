"""The files of the page, listed once at the start, so that no path of a client reaches the disk."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from kukkiri.web.media_types import PAGE_TYPES

__all__ = ["PageFile", "list_page_files"]

_GZIP = ".gz"


@dataclass(frozen=True, kw_only=True)
class PageFile:
    """A file that is served."""

    path: Path
    media_type: str
    etag: str
    packed: bool = False
    """The file is the gzip of what is served."""

    def unpack(self) -> bytes:
        """The content as it is served, for a client that takes no gzip."""
        data = self.path.read_bytes()
        return gzip.decompress(data) if self.packed else data


def list_page_files(folder: Path) -> dict[str, PageFile]:
    """List the files below a folder by their path in it, with ``/``; ``x.wasm.gz`` is there as ``x.wasm``, too.

    Files of types that a page does not load, such as those of Python, are left out.
    """
    found: dict[str, PageFile] = {}
    for path in sorted(folder.rglob("*")):
        name, kind = path.relative_to(folder).as_posix(), PAGE_TYPES.get(path.suffix.lower())
        if kind is None or not path.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        etag = hashlib.sha256(path.read_bytes()).hexdigest()[:32]
        found[name] = PageFile(path=path, media_type=kind, etag=etag)
        inner = Path(path.stem).suffix.lower()
        if path.suffix.lower() == _GZIP and inner in PAGE_TYPES and not path.with_suffix("").exists():
            name = name.removesuffix(_GZIP)
            found[name] = PageFile(path=path, media_type=PAGE_TYPES[inner], etag=f"{etag}-gzip", packed=True)
    return found
