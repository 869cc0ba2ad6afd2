"""Answers of blind comparisons: reading the files that the page exports, and what they say."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kukkiri.errors import ConfigError
from kukkiri.evaluation.statistics import wilson_interval

__all__ = ["Preference", "read_preferences"]

_VERSION = 1


@dataclass(frozen=True)
class Preference:
    """The choice between two models."""

    models: tuple[str, str]
    wins: tuple[int, int]
    """Answers that chose the first, and the second."""
    undecided: int
    """Answers that saw no difference."""

    @property
    def share(self) -> float | None:
        """The first's share of the answers that chose one; ``None``: there is none."""
        return self.wins[0] / sum(self.wins) if any(self.wins) else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the share."""
        return wilson_interval(self.wins[0], sum(self.wins)) if any(self.wins) else None

    @property
    def preferred(self) -> str | None:
        """The model that is clearly preferred: the interval of its share lies above one half."""
        if self.interval is None or self.interval[0] <= 0.5 <= self.interval[1]:
            return None
        return self.models[0] if self.interval[0] > 0.5 else self.models[1]

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON values."""
        return {
            "models": list(self.models),
            "wins": list(self.wins),
            "undecided": self.undecided,
            "share": self.share,
            "interval": None if self.interval is None else list(self.interval),
            "preferred": self.preferred,
        }


def read_preferences(paths: Sequence[Path]) -> list[Preference]:
    """Read the answers that some persons exported from the same page, and count them together.

    Args:
        paths: JSON files of a page of ``kukkiri compare --blind``; of several exports of one session that with the most
            answers counts.

    Returns:
        For each pair of models that was asked about.

    Raises:
        ConfigError: a file cannot be read or is no such file, or they are of several pages.
    """
    files = list(dict.fromkeys(path.resolve() for path in paths))
    exported = [_read(path) for path in files]
    if not exported:
        raise ConfigError("no files of answers. Name those that the page exported.")
    for path, each in zip(files, exported, strict=True):
        if each["id"] != exported[0]["id"]:
            raise ConfigError(f"{path}: is of another page than {files[0]}. Count the answers of each page alone.")
    models: list[str] = exported[0]["models"]
    answers = [answer for each in _longest_of_each_session(exported) for answer in each["answers"]]
    found = []
    for pair in itertools.combinations(range(len(models)), 2):
        choices = [answer["choice"] for answer in answers if tuple(answer["pair"]) == pair]
        if choices:
            wins = (choices.count(pair[0]), choices.count(pair[1]))
            found.append(Preference((models[pair[0]], models[pair[1]]), wins, len(choices) - sum(wins)))
    return found


def _longest_of_each_session(exports: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The files without those that hold fewer answers of the same session, which old pages did not name."""
    sessions = dict[Any, dict[str, Any]]()
    for number, each in enumerate(exports):
        session = each.get("deal") or number
        if session not in sessions or len(each["answers"]) > len(sessions[session]["answers"]):
            sessions[session] = each
    return list(sessions.values())


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error}). Check the path.") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not a file of answers ({error}). Export it from the page again.") from None
    if not _is_exported(value):
        raise ConfigError(f"{path}: not a file of answers of version {_VERSION}. Export it from the page again.")
    exported: dict[str, Any] = value
    return exported


def _is_exported(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("kukkiri_blind") != _VERSION or not isinstance(value.get("id"), str):
        return False
    models, answers = value.get("models"), value.get("answers")
    if not isinstance(models, list) or not isinstance(answers, list) or not isinstance(value.get("deal", ""), str):
        return False
    pairs = [list(pair) for pair in itertools.combinations(range(len(models)), 2)]
    return all(isinstance(model, str) for model in models) and all(
        isinstance(answer, dict)
        and (pair := answer.get("pair")) in pairs
        and not any(isinstance(number, bool) for number in pair)
        and (answer.get("choice") is None or answer["choice"] in pair)
        for answer in answers
    )
