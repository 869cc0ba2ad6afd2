"""A self-contained HTML page: it has everything that it needs, and its content policy forbids any request."""

from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from kukkiri import __version__
from kukkiri.errors import ConfigError
from kukkiri.files import write_atomically

__all__ = ["build_page", "write_page"]

_LICENCE = "img-comparison-slider.LICENSE"


def build_page(*, title: str, setup: str, body: str, footer: str, slider: bool = True, film: bool = False) -> str:
    """Build the HTML of a report.

    Args:
        title: plain text.
        setup: HTML of one line: the settings.
        body: HTML.
        footer: HTML: sources and methods.
        slider: the page compares images or films; otherwise it has no scripts.
        film: it has a film, see :func:`kukkiri.reports.film_viewer.film_viewer`.
    """
    licence = f"<details><summary>Licence of the slider</summary><pre>{escape(_asset(_LICENCE))}</pre></details>"
    scripts = Template(_asset("slider.html")).substitute(
        slider=_asset("img-comparison-slider.js").rpartition("//# sourceMappingURL=")[0],
        script=_asset("film.js" if film else "page.js"),
    )
    return Template(_asset("page.html")).substitute(
        title=escape(title),
        media=" media-src blob:;" if film else "",
        version=__version__,
        wordmark=_asset("wordmark.svg").strip(),  # outlines, because many machines have no Japanese font
        css=(_asset("img-comparison-slider.css") if slider else "") + _asset("page.css"),
        setup=setup,
        body=body,
        footer=footer,
        licence=licence if slider else "",
        scripts=scripts if slider else "",
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


def _asset(name: str) -> str:
    return (resources.files(__name__.rpartition(".")[0]) / "assets" / name).read_text(encoding="utf-8")
