"""The descriptor that travels with every model, in ONNX metadata and in safetensors metadata."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from kukkiri.errors import ModelError

__all__ = ["CONDITION_VERSION", "JSON", "METADATA_KEY", "Condition", "ModelInfo"]

METADATA_KEY = "kukkiri"
"""Key of the metadata entry, a JSON object, that holds a file's :class:`ModelInfo`."""

Colour = Literal["y", "rgb"]
JSON: TypeAlias = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None
"""A value that a checkpoint or a recipe can carry."""


CONDITION_VERSION = 1
"""Of the rules by which a condition is computed from a kernel; files with a later one are refused."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The second input of a network, (N, length) numbers that describe the degradation of each image.

    - ``covariance``: (xx, yy, xy), the second moments of the kernel about its centre of mass in HR pixels squared,
      divided by 1.25 scale; less 1 for xx and yy.
    - ``kernel``: the kernel itself, (side, side) row by row, its centre of mass in the middle (USRNet, plug-and-play).
    - ``components``: the sums of the kernel, its middle in the middle, times each matrix of a basis (SRMD's PCA).
    - ``noise``: nothing but the noise (a denoiser, the prior of plug-and-play solvers).

    With ``noise`` the last number is the standard deviation of the noise in [0, 1]. The kernel is that of the blur
    alone: what ``subsample`` does after it is not in it.

    Raises:
        ModelError: a field has an impossible value.
    """

    kind: Literal["covariance", "components", "kernel", "noise"]
    length: int
    """Numbers for one image."""
    subsample: Literal["direct", "bicubic"]
    """Subsampling after the blur, in training: every scale-th pixel from the first, or bicubic."""
    noise: bool = False
    """The last number is the noise."""
    basis: str = ""
    """Of ``components``: base64 of little-endian float32 (count, side, side); empty: it is not in the file."""
    version: int = CONDITION_VERSION

    def __post_init__(self) -> None:
        if self.version > CONDITION_VERSION:
            raise ModelError(f"a condition of version {self.version}, but this kukkiri knows {CONDITION_VERSION}.")
        numbers = self.length - self.noise
        square = math.isqrt(max(numbers, 0)) ** 2 == numbers
        possible = {
            "covariance": numbers == 3,
            "components": numbers >= 1,
            "kernel": numbers >= 1 and square,
            "noise": numbers == 0 and self.noise,
        }
        if self.kind not in possible or self.subsample not in ("direct", "bicubic"):
            raise ModelError(f"an unknown condition, {self.kind!r} of a kernel before {self.subsample!r}.")
        if not possible[self.kind]:
            raise ModelError(f"a condition of {self.length} numbers is not a {self.kind}.")


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
    condition: Condition | None = None
    """The second input of a network that is conditioned on the degradation; ``None``: the image is all."""

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
        if self.condition is None:
            del values["condition"]  # files without one stay as they were before there were conditions
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
            if values.get("condition") is not None:
                values["condition"] = Condition(**_pick_known(Condition, values["condition"]))
            return cls(**_pick_known(cls, values))
        except (TypeError, ValueError) as error:
            raise ModelError(f"{source}: its kukkiri metadata is damaged ({error}).") from error


def _pick_known(kind: type[Condition] | type[ModelInfo], values: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what a later version may have added."""
    known = {entry.name for entry in dataclasses.fields(kind)}
    return {key: value for key, value in values.items() if key in known}
