"""The descriptor that travels with every model, in ONNX metadata and in safetensors metadata."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kukkiri.errors import ModelError

__all__ = ["JSON", "METADATA_KEY", "ModelInfo"]

METADATA_KEY = "kukkiri"
"""Key of the metadata entry, a JSON object, that holds a file's :class:`ModelInfo`."""

Colour = Literal["y", "rgb"]
JSON: TypeAlias = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None
"""A value that a checkpoint or a recipe can carry."""


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """Description of a model for engines, the tiler and people.

    Raises:
        ModelError: a field has an impossible value.
    """

    name: str
    """Weights id, such as ``espcn-x3``."""
    network: str
    """Key of the network in ``kukkiri.networks.NETWORKS``, or ``unknown`` for a foreign graph."""
    scale: int
    """Output pixels for each input pixel along a side."""
    colour: Colour
    """``y``: one luma channel, chroma is upscaled by bicubic interpolation; ``rgb``: three channels."""
    receptive_field: int | None
    """Radius in LR pixels: how far an input pixel can be from the output pixels it changes; ``None``: global."""
    arguments: Mapping[str, JSON] = field(default_factory=dict)
    """Keyword arguments of the network's constructor; JSON values only."""
    multiple: int = 1
    """Height and width of the input must be a multiple of this."""
    pre_upsampled: bool = False
    """The network takes an input that was upscaled by bicubic interpolation (SRCNN, VDSR)."""
    training_data: str = ""
    """Description of the training data, for people."""
    licence: str = ""
    """SPDX identifier of the weights."""
    sha256: str = ""
    """SHA-256 of the weights, see ``kukkiri.checkpoints``; empty before they are saved."""

    def __post_init__(self) -> None:
        if self.scale < 1:
            raise ModelError(f"{self.name}: scale must be at least 1, got {self.scale}.")
        if self.colour not in ("y", "rgb"):
            raise ModelError(f"{self.name}: colour must be 'y' or 'rgb', got {self.colour!r}.")
        if self.multiple < 1:
            raise ModelError(f"{self.name}: multiple must be at least 1, got {self.multiple}.")
        if self.receptive_field is not None and self.receptive_field < 0:
            raise ModelError(f"{self.name}: receptive_field must not be negative, got {self.receptive_field}.")

    @property
    def channels(self) -> int:
        """Channels of the network's input and output: 1 for ``y``, 3 for ``rgb``."""
        return 1 if self.colour == "y" else 3

    def to_metadata(self) -> dict[str, str]:
        """Return the descriptor as string metadata for a file: one entry, ``kukkiri``, that holds JSON."""
        values = {**dataclasses.asdict(self), "arguments": dict(self.arguments)}
        return {METADATA_KEY: json.dumps(values, sort_keys=True)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], *, source: str) -> "ModelInfo":
        """Read a descriptor from the metadata that :meth:`to_metadata` wrote.

        Args:
            metadata: string metadata of a file.
            source: the file's name, for the error message.

        Raises:
            ModelError: there is no descriptor, or it is damaged.
        """
        text = metadata.get(METADATA_KEY)
        if text is None:
            raise ModelError(f"{source}: holds no kukkiri metadata, so that its scale and colour are unknown.")
        try:
            values = json.loads(text)
            known = {entry.name for entry in dataclasses.fields(cls)}
            return cls(**{key: value for key, value in values.items() if key in known})
        except (TypeError, ValueError) as error:
            raise ModelError(f"{source}: its kukkiri metadata is damaged ({error}).") from error
