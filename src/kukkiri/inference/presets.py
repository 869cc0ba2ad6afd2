"""Presets: names for a choice of shipped models, so that a user need not know any network."""

from dataclasses import dataclass

__all__ = ["PRESETS", "Preset"]


@dataclass(frozen=True)
class Preset:
    """A family of shipped models, ``family-x2``, ``family-x3`` and so on, and how they are run."""

    family: str
    """First part of the models' ids."""
    ensemble: bool = False
    """Geometric self-ensemble: eight times the time, a little more quality."""
    summary: str = ""
    """One line for the user."""


PRESETS = {
    "fast": Preset("sesr-s", summary="twelve layers of 16 features"),
    "balanced": Preset("plain-m", summary="ten layers: better, nearly three times the time of fast"),
    "best": Preset(
        "plain-m", ensemble=True, summary="balanced, averaged over eight flips and rotations (geometric self-ensemble)"
    ),
}
"""Every preset by its name."""
