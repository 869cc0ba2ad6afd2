"""Cache of scores: nothing is computed twice, and an interrupted evaluation continues where it stopped.

A score is found again only when everything that it depends on is the same: the bytes of the model, of the image and
of its given LR, the scale, the protocol, the degradation, the ensemble, and the code and the engine
that computed it. One file of lines for each combination of all but the images; a line for each image.
"""

import hashlib
import inspect
import json
import logging
import os
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import kukkiri
from kukkiri.evaluation.scores import Scores
from kukkiri.metrics import METRICS

__all__ = ["ScoreCache", "default_cache_folder", "file_digest", "metric_key"]

_PACKAGE = Path(kukkiri.__file__).parent
_LOG = logging.getLogger(__name__)


class ScoreCache:
    """Scores in a folder; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made when the first score is kept.

        Args:
            folder: when it cannot be written, nothing is kept and a warning is logged once.
        """
        self.folder = folder
        self._known: dict[str, dict[str, Scores]] = {}
        self._broken = False

    def find(self, setting: Mapping[str, object], image: str) -> dict[str, float | None]:
        """The known scores of an image under a setting; empty when there are none.

        Args:
            setting: everything that the scores depend on beside the image; JSON values.
            image: digest of its files.
        """
        return dict(self._load(_key(setting)).get(image, {}))

    def keep(self, setting: Mapping[str, object], image: str, scores: Scores) -> None:
        """Write scores at once; a line that was not written whole is ignored when it is read."""
        key = _key(setting)
        known = self._load(key)
        known[image] = {**known.get(image, {}), **scores}
        if self._broken:
            return
        line = json.dumps({"image": image, "scores": dict(scores)}) + "\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._file(key).open("ab", buffering=0) as file:  # one append, so that processes do not mix lines
                file.write(("\n" + line if _is_torn(self._file(key)) else line).encode())
        except OSError as error:
            self._broken = True
            _LOG.warning("%s cannot be written (%s): scores are not kept.", self.folder, error)

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.jsonl"

    def _load(self, key: str) -> dict[str, Scores]:
        if key not in self._known:
            known: dict[str, Scores] = {}
            for image, scores in _lines(self._file(key)):
                known[image] = {**known.get(image, {}), **scores}
            self._known[key] = known
        return self._known[key]


def default_cache_folder() -> Path:
    """``KUKKIRI_CACHE``, or a folder of the user's caches where the system keeps them."""
    home = Path.home()
    if named := os.environ.get("KUKKIRI_CACHE"):
        base = Path(named)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "kukkiri"
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches" / "kukkiri"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "kukkiri"
    return base / "scores"


def metric_key(name: str) -> str | None:
    """The name under which the scores of a metric are kept.

    Args:
        name: a key of ``METRICS``.

    Returns:
        The name itself for a metric of this package, whose code is part of every setting; for a metric of the user,
        the name with a digest of the source file of its function; ``None``, do not keep, where there is no such file,
        and for a metric that depends on the user's files.
    """
    if METRICS[name].depends_on_files:
        return None
    try:
        source = Path(inspect.getsourcefile(METRICS[name].value) or "")
    except TypeError:  # not a function: a callable object, a partial
        return None
    if _PACKAGE in source.parents:
        return name
    return f"{name} {file_digest(source)}" if source.is_file() else None


def file_digest(*paths: Path) -> str:
    """sha256 over the bytes of files, one after the other, each preceded by its length."""
    total = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        total.update(len(content).to_bytes(8, "big"))
        total.update(content)
    return total.hexdigest()


def _key(setting: Mapping[str, object]) -> str:
    text = json.dumps({"code": _code_digest(), "engines": _engines(), **setting}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _code_digest() -> str:
    """Digest of the package's own sources: a version number alone does not change with every edit."""
    return file_digest(*sorted(_PACKAGE.rglob("*.py")))


@cache
def _engines() -> dict[str, str]:
    """Versions of the libraries that compute pixels, and the machine: another CPU may round otherwise."""
    found = {"machine": platform.machine()}
    for name in ("numpy", "onnxruntime", "pyvips", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _lines(path: Path) -> list[tuple[str, Scores]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    found: list[tuple[str, Scores]] = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
            found.append((str(value["image"]), dict(value["scores"])))
        except (ValueError, TypeError, KeyError):  # torn by a crash
            continue
    return found


def _is_torn(path: Path) -> bool:
    """True when the file ends within a line."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
