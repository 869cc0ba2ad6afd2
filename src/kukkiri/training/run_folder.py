"""The folder of a run: one run at a time, its recipe, and nothing left behind by a start that failed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from kukkiri.errors import ConfigError
from kukkiri.files import sweep_temporary_files, write_atomically
from kukkiri.training.recipe import Recipe

__all__ = ["RunFolder"]

_LOCK = ".lock"


@dataclass(frozen=True)
class RunFolder:
    """``recipe.json``, ``log.jsonl``, ``checkpoint.pt`` and ``weights.safetensors`` of one run."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        """The state after the last checkpoint."""
        return self.path / "checkpoint.pt"

    @property
    def weights(self) -> Path:
        """The best validated weights."""
        return self.path / "weights.safetensors"

    @property
    def log(self) -> Path:
        """One JSON object a line."""
        return self.path / "log.jsonl"

    @classmethod
    @contextmanager
    def opened(cls, recipe: Recipe, *, resume: bool, lock: bool = True) -> Iterator["RunFolder"]:
        """Make the folder, and keep other runs out of it for the length of the block.

        When the block ends with an exception before the run has written anything, a folder that did not exist before
        is removed again.

        Args:
            recipe: its ``folder`` is opened.
            resume: a run that is there may go on.
            lock: false in all processes of a run but the first.

        Raises:
            ConfigError: the folder holds a run and ``resume`` is false, another process trains in it, or it cannot be
                made; or the recipe's name is none of a folder.
        """
        if recipe.name in ("", ".", "..") or any(sign in recipe.name for sign in "/\\\0"):
            raise ConfigError(
                f"name must be that of a folder to be made in output, got {recipe.name!r}. Name other places by output."
            )
        folder = cls(recipe.folder)
        if not lock:
            yield folder
            return
        if folder.checkpoint.exists() and not resume:
            raise ConfigError(
                f"{folder.checkpoint} exists already. Use --resume to continue, or another output or name."
            )
        made = [path for path in (folder.path, *folder.path.parents) if not path.exists()]
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            held = FileLock(folder.path / _LOCK, timeout=0)
            held.acquire()
        except Timeout as error:
            raise ConfigError(
                f"{folder.path}: another process trains there. Wait for its end, or use another name or output."
            ) from error
        except OSError as error:
            raise ConfigError(f"{folder.path}: cannot be written ({error.strerror or error}).") from error
        try:
            sweep_temporary_files(folder.path)
            yield folder
        except BaseException:
            if made and {path.name for path in folder.path.iterdir()} <= {_LOCK}:
                (folder.path / _LOCK).unlink(missing_ok=True)
                with suppress(OSError):  # another run may have come into a folder above
                    for path in made:
                        path.rmdir()
            raise
        finally:
            held.release()

    def write_recipe(self, recipe: Recipe) -> None:
        """Write the recipe with all its values."""
        text = json.dumps(asdict(recipe), indent=2) + "\n"
        write_atomically(self.path / "recipe.json", text.encode(), overwrite=True)

    def trim_log(self, step: int) -> None:
        """Remove the lines of steps that a killed run did after its last checkpoint; these steps are repeated.

        Raises:
            ConfigError: a line is none of a log.
        """
        if self.log.exists():
            lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
            try:
                kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(f"{self.log}: is damaged, or no log of a run. Repair it, or move it away.") from error
            write_atomically(self.log, "".join(kept).encode(), overwrite=True)
