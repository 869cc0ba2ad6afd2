"""Matplotlib figures of the explanations: no display, one resolution, vector or PNG files."""

from pathlib import Path
from typing import Any

from kukkiri.errors import ConfigError, require
from kukkiri.images import check_output

__all__ = ["check_figure_path", "make_figure"]


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
    elif not path.parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.parent}. Create it first.")
    elif path.exists() and not overwrite:
        raise ConfigError(f"{path}: exists already. Choose another name, or allow it with --overwrite.")
