"""A self-contained HTML page: it has everything that it needs, and its content policy forbids any request."""

from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from kukkiri import __version__
from kukkiri.errors import ConfigError
from kukkiri.files import write_atomically

__all__ = ["build_page", "read_asset", "write_page"]

_LICENCE = "img-comparison-slider.LICENSE"


def build_page(
    *, title: str, setup: str, body: str, footer: str, slider: bool = True, film: bool = False, own: str = ""
) -> str:
    """Build the HTML of a report.

    Args:
        title: plain text.
        setup: HTML of one line: the settings.
        body: HTML.
        footer: HTML: sources and methods.
        slider: the page compares images or films under a slider.
        film: it has a film, see :func:`kukkiri.reports.film_viewer.film_viewer`.
        own: name of a style sheet and script of a page without a slider; without both it has no scripts.
    """
    licence = f"<details><summary>Licence of the slider</summary><pre>{escape(read_asset(_LICENCE))}</pre></details>"
    scripts = Template(read_asset("slider.html")).substitute(
        slider=read_asset("img-comparison-slider.js").rpartition("//# sourceMappingURL=")[0],
        script=read_asset("film.js" if film else "page.js"),
    )
    if not slider:
        scripts = f"<script>\n{read_asset(f'{own}.js')}</script>" if own else ""
    return Template(read_asset("page.html")).substitute(
        title=escape(title),
        media=" media-src blob:;" if film else "",
        version=__version__,
        wordmark=read_asset("wordmark.svg").strip(),  # outlines, because many machines have no Japanese font
        css=(read_asset("img-comparison-slider.css") if slider else "")
        + read_asset("page.css")
        + (read_asset(f"{own}.css") if own else ""),
        setup=setup,
        body=body,
        footer=footer,
        licence=licence if slider else "",
        scripts=scripts,
    )


def write_page(path: Path, html: str, *, overwrite: bool = False) -> None:
    """Write a page atomically.

    Raises:
        ConfigError: the file exists and ``overwrite`` is false, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, html.encode(), overwrite=overwrite)
    except FileExistsError as error:
        raise ConfigError(f"{path}: exists already. Choose another name, or allow it with --overwrite.") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror or error}).") from error


def read_asset(name: str) -> str:
    """Read a text file of the folder ``assets``."""
    return (resources.files(__name__.rpartition(".")[0]) / "assets" / name).read_text(encoding="utf-8")
