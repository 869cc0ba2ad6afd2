"""The descriptor that travels with every model, in ONNX metadata and in safetensors metadata."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kukkiri.errors import ModelError

__all__ = ["METADATA_KEY", "ModelInfo"]

METADATA_KEY = "kukkiri"
"""The one metadata entry, a JSON object, under which a file carries its :class:`ModelInfo`."""

Colour = Literal["y", "rgb"]


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What an engine, the tiler and a reader need to know about a model.

    Raises:
        ModelError: a field has a value that no model can have.
    """

    name: str
    """Weights id, such as ``espcn-x3``."""
    network: str
    """Key of the network in ``kukkiri.networks.NETWORKS``, or ``unknown`` for a foreign graph."""
    scale: int
    """Output pixels for one input pixel along a side."""
    colour: Colour
    """``y``: one luma channel, chroma is upscaled by bicubic interpolation; ``rgb``: three channels."""
    receptive_field: int | None
    """LR pixels to each side that reach one output pixel; ``None`` when every pixel reaches every other."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the network's constructor; JSON values only."""
    multiple: int = 1
    """Height and width of the input must be a multiple of this."""
    pre_upsampled: bool = False
    """The network wants its input upscaled by bicubic interpolation first (SRCNN, VDSR)."""
    training_data: str = ""
    """What it was trained on, for the reader."""
    licence: str = ""
    """SPDX identifier of the weights."""
    sha256: str = ""
    """Of the weights' bytes, see ``kukkiri.checkpoints``; empty before they are saved."""

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
        """The descriptor as string metadata for a file: one entry, ``kukkiri``, holding JSON."""
        values = {**dataclasses.asdict(self), "arguments": dict(self.arguments)}
        return {METADATA_KEY: json.dumps(values, sort_keys=True)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], *, source: str) -> "ModelInfo":
        """Read back what :meth:`to_metadata` wrote.

        Args:
            metadata: string metadata of a file.
            source: the file's name, for the error message.

        Raises:
            ModelError: there is no descriptor, or it is damaged.
        """
        text = metadata.get(METADATA_KEY)
        if text is None:
            raise ModelError(f"{source}: no kukkiri description inside, so its scale and colour are unknown.")
        try:
            values = json.loads(text)
            known = {one.name for one in dataclasses.fields(cls)}
            return cls(**{key: value for key, value in values.items() if key in known})
        except (TypeError, ValueError) as error:
            raise ModelError(f"{source}: its kukkiri description is damaged ({error}).") from error
