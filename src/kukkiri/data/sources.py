"""Sources of training images: a folder of HR images, a prepared folder, or an LR and an HR folder of pairs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError

__all__ = ["DataSource", "check_sources"]


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """One source of training images; several are mixed in one run.

    Raises:
        ConfigError: neither ``folder`` nor ``lr`` with ``hr`` is given, or a value makes no sense.
    """

    folder: str = ""
    """Folder of HR images, or one made by ``kukkiri data prepare``."""
    lr: str = ""
    """Folder of LR images, each the partner of an image in ``hr``."""
    hr: str = ""
    """Folder of HR images whose sides are exactly scale times those of the LR images."""
    weight: float = 0.0
    """Share of the patches, relative to the other sources; 0 in all: every LR position is equally likely."""
    degradation: str = ""
    """From HR to LR for this folder, as the text of a ``Degradation``; empty: the recipe's."""
    variants: int = 0
    """LR images of each HR image of this folder; 0: the recipe's number."""

    def __post_init__(self) -> None:
        if self.folder and (self.lr or self.hr):
            raise ConfigError(f"{self}: a source has either folder, or lr and hr, not both. Make two sources of it.")
        if not self.folder and not (self.lr and self.hr):
            got = f"only {'lr' if self.lr else 'hr'}" if self.lr or self.hr else "neither"
            raise ConfigError(f"a source of training images needs folder, or lr and hr; got {got}.")
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ConfigError(f"{self}: weight must be a number from 0, got {self.weight}.")
        if self.variants < 0:
            raise ConfigError(f"{self}: variants must be at least 1, or 0 for the recipe's, got {self.variants}.")
        if self.lr and (self.degradation or self.variants):
            raise ConfigError(f"{self}: LR is read, not made. Take degradation and variants out of this source.")
        if self.degradation:
            Degradation.parse(self.degradation)

    def __str__(self) -> str:
        return self.folder or f"{self.lr} with {self.hr}"


def check_sources(sources: Sequence[DataSource]) -> None:
    """Check that there is a source, and that all sources have weights or none has.

    Raises:
        ConfigError: there is none, or some weights are 0 and others not.
    """
    if not sources:
        raise ConfigError("no source of training images. Name a folder, or an lr and an hr folder.")
    without = [source for source in sources if source.weight == 0]
    if without and len(without) < len(sources):
        raise ConfigError(
            f"{without[0]}: has no weight, but other sources have one. Give each of the {len(sources)} sources a "
            "weight above 0, or none."
        )
