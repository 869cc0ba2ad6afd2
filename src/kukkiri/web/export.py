"""The static site that upscales in the visitor's browser: page, modules, runtime and networks in one folder."""

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import kukkiri
from kukkiri import pretrained
from kukkiri.errors import ConfigError
from kukkiri.web.browser_networks import DEFAULT_PRESETS, describe_networks

__all__ = ["SITE_FILE", "ExportedSite", "export_site"]

SITE_FILE = "kukkiri-site.json"
"""File at the root of an exported site: its version, and the sha256 of every other file."""
_SERVICE_WORKER = "service-worker.js"
_LEFT_OUT = ("index.html", "browser/service_worker.js")
_NOT_OF_THE_SITE = re.compile(r"docs\.|.+\.d\.ts$")  # the page about the server's API, and types for its authors
_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' blob:; "
    "img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self'; base-uri 'none'; form-action 'none'"
)
_HEADERS = """/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
  X-Content-Type-Options: nosniff
/static/browser/vendor/*.gz
  Content-Type: application/gzip
"""


@dataclass(frozen=True, kw_only=True)
class ExportedSite:
    """A site that was written."""

    folder: Path
    files: int
    bytes: int
    networks: Mapping[str, int]
    """Bytes of each network."""


def export_site(folder: Path, *, presets: Sequence[str] = DEFAULT_PRESETS) -> ExportedSite:
    """Write the site; the folder appears whole, or an earlier export stays as it was.

    Args:
        folder: a new or empty folder, or one that holds nothing but an earlier export, which is replaced.
        presets: whose networks the site has.

    Raises:
        ConfigError: an unknown preset; the folder holds other files, is a file or the current folder; or the disk
            is full.
        ModelError: a preset's networks do not run in a browser.
    """
    manifest = describe_networks(presets)
    target = folder.resolve()
    _check_target(target, shown=folder)
    staging = target.with_name(f".{target.name}.kukkiri-{secrets.token_hex(8)}")
    try:
        staging.mkdir(parents=True)
        for name, data in _collect(manifest).items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        site = _describe(staging, shown=folder, manifest=manifest)
        _replace(target, staging)
    except OSError as error:
        raise ConfigError(
            f"{folder}: the site was not written ({error.strerror or error}). Free the disk or choose another folder."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return site


def _check_target(target: Path, *, shown: Path) -> None:
    if target == Path.cwd():
        raise ConfigError(f"{shown}: is the current folder, which cannot be replaced. Name a folder in it, as site/.")
    if not target.exists():
        return
    if not target.is_dir():
        raise ConfigError(f"{shown}: is a file, but a folder for the site was expected. Name another.")
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_symlink() or path.is_file()}
    if not found:
        return
    try:
        site = json.loads((target / SITE_FILE).read_text(encoding="utf-8"))
        listed = {SITE_FILE, *site["files"], *site["host"]}
    except (OSError, ValueError, KeyError, TypeError):
        listed = set()
    foreign = sorted(found - listed)
    if foreign:
        named = ", ".join(foreign[:3]) + (f" and {len(foreign) - 3} more" if len(foreign) > 3 else "")
        raise ConfigError(
            f"{shown}: holds files that are no part of an earlier export ({named}), which would be lost. "
            "Export into another folder and copy from it."
        )


def _collect(manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Every file of the site by its path, but the one that lists them."""
    static = Path(str(resources.files("kukkiri.web"))) / "static"
    files: dict[str, bytes] = {}
    for path in sorted(static.rglob("*")):
        name = path.relative_to(static).as_posix()
        if path.is_file() and name not in _LEFT_OUT and not _NOT_OF_THE_SITE.match(name):
            files[f"static/{name}"] = path.read_bytes()
    for model, about in manifest["networks"].items():
        files[f"networks/{about['file']}"] = pretrained.locate(model, ".onnx").read_bytes()
    files["networks/manifest.json"] = _dump(manifest)
    files["index.html"] = _adapt_page((static / "index.html").read_text(encoding="utf-8")).encode()
    digest = hashlib.sha256(b"".join(hashlib.sha256(name.encode() + data).digest() for name, data in files.items()))
    worker = (static / "browser/service_worker.js").read_text(encoding="utf-8")
    files[_SERVICE_WORKER] = _substitute(
        worker, 'const SITE = "development";', f'const SITE = "{digest.hexdigest()[:16]}";'
    ).encode()
    files["_headers"] = _HEADERS.encode()
    files[".nojekyll"] = b""  # GitHub Pages leaves out files that begin with _ otherwise
    listed = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    served = {name: value for name, value in listed.items() if name not in ("_headers", ".nojekyll", _SERVICE_WORKER)}
    unserved = {name: value for name, value in listed.items() if name not in served}
    files[SITE_FILE] = _dump({"version": kukkiri.__version__, "files": served, "host": unserved})
    return files


def _adapt_page(page: str) -> str:
    """The page with the browser as its only engine, service worker, and the policy that servers send as a header."""
    page = _substitute(
        page,
        '<meta name="kukkiri-engines" content="server browser">',
        '<meta name="kukkiri-engines" content="browser">',
    )
    page = _substitute(
        page,
        '<meta name="kukkiri-service-worker" content="">',
        f'<meta name="kukkiri-service-worker" content="{_SERVICE_WORKER}">',
    )
    charset = '<meta charset="utf-8">'
    return _substitute(page, charset, f'{charset}\n<meta http-equiv="Content-Security-Policy" content="{_POLICY}">')


def _substitute(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"{old!r} must be there once, found {text.count(old)} times")
    return text.replace(old, new)


def _dump(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, indent=1) + "\n").encode()


def _describe(staging: Path, *, shown: Path, manifest: Mapping[str, Any]) -> ExportedSite:
    sizes = [path.stat().st_size for path in staging.rglob("*") if path.is_file()]
    networks = {model: about["bytes"] for model, about in manifest["networks"].items()}
    return ExportedSite(folder=shown, files=len(sizes), bytes=sum(sizes), networks=networks)


def _replace(target: Path, staging: Path) -> None:
    """Put the new folder in the place of the old one, which comes back when that fails."""
    if not target.exists():
        staging.rename(target)
        return
    earlier = staging.with_name(f"{staging.name}.earlier")
    target.rename(earlier)
    try:
        staging.rename(target)
    except BaseException:
        with suppress(OSError):
            earlier.rename(target)
        raise
    shutil.rmtree(earlier, ignore_errors=True)
