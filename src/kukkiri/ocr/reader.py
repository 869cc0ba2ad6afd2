"""Tesseract through its command line: images to text."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from kukkiri.errors import BackendError
from kukkiri.images import Image
from kukkiri.ocr.scripts import SCRIPTS

__all__ = ["check_reader", "read_text", "reader_version"]

_SEGMENTATION = {"card": "6", "line": "7"}  # tesseract --help-psm: one uniform block; a single line
_INSTALL = "apt-get install tesseract-ocr"


def reader_version() -> str:
    """Return the version line, such as ``tesseract 5.3.0``.

    Raises:
        BackendError: Tesseract is not installed.
    """
    return _run(["--version"]).splitlines()[0]


def check_reader(scripts: Sequence[str]) -> None:
    """Check, before any work, that Tesseract can read these scripts.

    Args:
        scripts: keys of ``SCRIPTS``.

    Raises:
        BackendError: Tesseract or a language is not installed.
    """
    installed = set(_run(["--list-langs"]).split())
    missing = [name for name in scripts if SCRIPTS[name].language not in installed]
    if missing:
        names = ", ".join(f"{SCRIPTS[name].language} ({name})" for name in missing)
        packages = " ".join(SCRIPTS[name].package for name in missing)
        raise BackendError(
            f"tesseract cannot read {names}. Install the language (Debian: apt-get install {packages}), or leave the "
            "script out."
        )


def read_text(
    images: Sequence[NDArray[Any]], *, language: str, kind: Literal["card", "line"], dots_per_inch: int = 300
) -> list[str]:
    """Read images in one run of Tesseract, with its LSTM engine and one thread.

    Args:
        images: (H, W, 3), uint8.
        language: Tesseract's name.
        kind: a block of lines, or a single line.
        dots_per_inch: given to Tesseract, which otherwise guesses it.

    Returns:
        One text for each image.

    Raises:
        BackendError: Tesseract is not installed, or fails.
    """
    if not images:
        return []
    with tempfile.TemporaryDirectory(prefix="kukkiri-text-") as name:
        paths = [Path(name) / f"{index:04d}.png" for index in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            Image.from_array(image).save(path)
        listing = Path(name) / "images.txt"
        listing.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
        options = ["-l", language, "--psm", _SEGMENTATION[kind], "--oem", "1", "--dpi", str(dots_per_inch)]
        text = _run([str(listing), "stdout", *options, "-c", "page_separator=\f"])
    pages = text.split("\f")  # version 5 separates pages by it, version 4 also ends the last one with it
    if len(pages) == len(images) + 1 and not pages[-1]:
        pages.pop()
    if len(pages) != len(images):
        raise BackendError(f"tesseract gave {len(pages)} texts for {len(images)} images. Use version 4 or 5.")
    return pages


def _run(arguments: Sequence[str]) -> str:
    """Run Tesseract and return its output."""
    program = shutil.which("tesseract")
    if program is None:
        raise BackendError(f"tesseract is not installed; it reads the images. Install it (Debian: {_INSTALL}).")
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run([program, *arguments], capture_output=True, env=environment, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"]
        raise BackendError(f"tesseract failed: {lines[-1]}. Check it with: tesseract --list-langs.")
    return done.stdout.decode("utf-8", errors="replace")
