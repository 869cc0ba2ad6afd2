"""The log and the recipe of a training run, read while the run may still write them."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kukkiri.errors import ConfigError

__all__ = ["Points", "RunHistory", "read_run"]

Line = dict[str, Any]
Points = list[tuple[float, float]]
"""(step, value) in ascending order of the step; a value may be NaN."""


@dataclass(frozen=True)
class RunHistory:
    """The lines of ``log.jsonl`` in ascending order of the step, and the recipe."""

    folder: Path
    lines: tuple[Line, ...]
    """At least one; the fields of ``kukkiri.training.TrainingProgress``."""
    recipe: Line
    """Empty where ``recipe.json`` is missing or damaged."""
    unreadable: int
    """Damaged lines before the last one; a damaged last line is one that is being written."""

    @property
    def name(self) -> str:
        """Weights id of the run."""
        return str(self.recipe.get("name", self.folder.resolve().name))

    @property
    def last(self) -> Line:
        """The latest line."""
        return self.lines[-1]

    @property
    def validations(self) -> list[Line]:
        """The lines with a finite PSNR."""
        finite = {step for step, psnr in self.values("psnr") if math.isfinite(psnr)}
        return [line for line in self.lines if line["step"] in finite]

    @property
    def best(self) -> Line | None:
        """The validation whose weights were kept: the first of the highest PSNR; None without a validation."""
        return max(self.validations, key=lambda line: float(line["psnr"]), default=None)

    def values(self, field: str) -> Points:
        """Return the values of a field by step; lines that lack it are left out."""
        return self._read(lambda line: line.get(field))

    def members(self, field: str) -> dict[str, Points]:
        """Return the values of every member of a field that is a table, such as ``losses``, by its name."""
        names = dict.fromkeys(name for line in self.lines for name in _table(line, field))
        return {name: self._read(lambda line, name=name: _table(line, field).get(name)) for name in names}

    def steps_of_adaptation(self) -> list[Points]:
        """Return the PSNR before and after each inner step, in meta-training; empty in other runs."""
        count = max((len(line.get("curve") or ()) for line in self.lines), default=0)
        return [self._read(lambda line, at=at: _item(line, "curve", at)) for at in range(count)]

    def _read(self, read: Callable[..., Any]) -> Points:
        """Return the numbers that a function finds in the lines, by step."""
        found = [(float(line["step"]), _number(read(line))) for line in self.lines]
        return [(step, value) for step, value in found if value is not None]


def read_run(folder: Path) -> RunHistory:
    """Read ``log.jsonl`` and ``recipe.json`` of the folder of a training run.

    Args:
        folder: ``output/name`` of the recipe.

    Raises:
        ConfigError: there is no log, or it has no line.
    """
    path = folder / "log.jsonl"
    try:
        texts = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror or error}). Name the folder of a training run, such as runs/NAME."
        ) from error
    parsed = [_parse(text) for text in texts if text.strip()]
    by_step = {line["step"]: line for line in parsed if line is not None}  # the latest line of a repeated step
    if not by_step:
        raise ConfigError(f"{path}: has no line yet. Training writes one every log_every steps: try again then.")
    lines = tuple(by_step[step] for step in sorted(by_step))
    return RunHistory(folder, lines, _read_recipe(folder / "recipe.json"), sum(line is None for line in parsed[:-1]))


def _parse(text: str) -> Line | None:
    """Return a line of the log, or None when it is damaged."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    if not isinstance(line, dict) or _number(line.get("step")) is None:
        return None
    return line


def _read_recipe(path: Path) -> Line:
    try:
        recipe = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return recipe if isinstance(recipe, dict) else {}


def _table(line: Line, field: str) -> Line:
    found = line.get(field)
    return found if isinstance(found, dict) else {}


def _item(line: Line, field: str, at: int) -> Any:
    found = line.get(field)
    return found[at] if isinstance(found, list) and at < len(found) else None


def _number(value: Any) -> float | None:
    """Return a number of the log, with infinity as NaN; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else math.nan
