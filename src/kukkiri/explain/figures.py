"""Matplotlib figures of the explanations: no display, one resolution, vector or PNG files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kukkiri.errors import ConfigError, require
from kukkiri.files import replacing
from kukkiri.images import check_output

__all__ = ["check_figure_path", "make_figure", "save_figure"]


def make_figure(width: float, height: float, *, dpi: int = 110) -> Any:
    """Make an empty ``matplotlib.figure.Figure`` that needs no display.

    Args:
        width: inches.
        height: inches.
        dpi: dots for each inch.

    Raises:
        BackendError: matplotlib is missing.
    """
    require("matplotlib", for_what="drawing")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=dpi, layout="constrained")


def save_figure(figure: Any, path: Path, *, metadata: Mapping[str, str | None] | None = None) -> None:
    """Write a figure whole or not at all; an existing file is replaced.

    Args:
        figure: of :func:`make_figure`.
        path: its suffix says the format.
        metadata: of matplotlib's ``savefig``.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        with replacing(path, overwrite=True) as temporary:
            figure.savefig(temporary, format=path.suffix[1:].lower(), metadata=metadata)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror or error}). Choose another folder.") from error


def check_figure_path(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a path before the work that a figure could not be written to.

    Raises:
        ConfigError: another suffix than .png, .svg or .pdf, a missing folder, or a file that exists.
        ImageError: see :func:`kukkiri.images.check_output`.
    """
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ConfigError(f"{path}: drawings are written as .png, .svg or .pdf. Change the suffix.")
    if path.suffix.lower() == ".png":
        check_output(path, overwrite=overwrite)
    elif path.parent.is_file():
        raise ConfigError(f"{path}: {path.parent} is a file, not a folder. Choose another.")
    elif not path.parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.parent}. Create it first.")
    elif path.exists() and not overwrite:
        raise ConfigError(f"{path}: exists already. Choose another name, or allow it with --overwrite.")
