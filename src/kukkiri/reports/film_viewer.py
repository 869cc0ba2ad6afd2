"""Markup of the film of a page: two versions under a slider, played in step."""

import base64
import json
from html import escape

from kukkiri.reports.film import Film

__all__ = ["film_viewer"]

_NOTE = (
    "Drag the line, or use the arrow keys. Space plays and stops, comma and full stop step by one frame. There is no "
    "sound. All versions are one video, so that they are always in step."
)


def film_viewer(film: Film, *, left: str, right: str) -> str:
    """The player with its heading and controls; it is left out of prints.

    Args:
        film: with its labels.
        left: initial label of the left side.
        right: initial label of the right side.
    """
    height, width = film.size
    choose = len(film.labels) > 2
    sides = "".join(
        _select(side, film, chosen) + ('<button type="button" data-swap>Swap</button>' if side == "left" else "")
        for side, chosen in (("left", left), ("right", right))
    )
    zooms = "".join(
        f'<button type="button" value="{value}" aria-pressed="false">{text}</button>'
        for value, text in (("fit", "Fit"), ("1", "1×"), ("2", "2×"), ("4", "4×"))
    )
    canvases = "".join(
        f'<canvas slot="{slot}" width="{width}" height="{height}" data-label="{escape(label)}" '
        f'aria-label="{escape(label)}"></canvas>'
        for slot, label in (("first", left), ("second", right))
    )
    times = json.dumps([round(time, 4) for time in film.times])
    return (
        f'<section class="viewer film" data-labels="{escape(json.dumps(film.labels))}" data-times="{times}" '
        f'data-rows="{film.rows}" data-w="{width}" data-h="{height}"><h2>Before and after</h2>'
        f'<p class="note">{_NOTE}{_limits(film)}</p>'
        "<noscript><p>The film needs JavaScript; the tables below do not.</p></noscript>"
        f'<div class="bar">{sides if choose else ""}'
        f'<span class="buttons zoom" role="group" aria-label="Zoom">{zooms}</span></div>'
        '<div class="frame"><div class="pane">'
        '<img-comparison-slider role="slider" tabindex="0" aria-valuemin="0" aria-valuemax="100" aria-valuenow="50" '
        f'aria-label="{escape(left)} and {escape(right)}">{canvases}</img-comparison-slider></div>'
        '<span class="chip left" hidden></span><span class="chip right" hidden></span></div>'
        '<div class="transport"><button type="button" data-play aria-label="Play">▶</button>'
        '<button type="button" data-step="-1" aria-label="One frame back">‹</button>'
        '<button type="button" data-step="1" aria-label="One frame forward">›</button>'
        f'<input type="range" min="0" max="{len(film.times) - 1}" value="0" step="1" aria-label="Frame">'
        "<output></output></div>"
        f'<video muted loop playsinline aria-hidden="true" tabindex="-1" '
        f'data-mp4="{base64.b64encode(film.mp4).decode("ascii")}"></video></section>'
    )


def _select(side: str, film: Film, chosen: str) -> str:
    options = "".join(
        f'<option value="{escape(label)}"{" selected" if label == chosen else ""}>{escape(label)}</option>'
        for label in film.labels
    )
    return f'<label>{side.capitalize()} side <select name="{side}">{options}</select></label>'


def _limits(film: Film) -> str:
    notes = ""
    if film.part is not None:
        top, left, height, width = film.part
        notes += f" The page has a part of {width}×{height} at {left}, {top}."
    if not film.complete:
        notes += f" It has the first {len(film.times)} frames; the scores are of all."
    return notes
