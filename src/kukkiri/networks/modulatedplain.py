"""ModulatedPlain: the plain network with features that are scaled and shifted by the blur and the noise of the image.

Ours. The gains and shifts of all layers are computed once for an image, by a linear map of the condition plus a small
network; so the blur costs no convolution, and the graph takes a condition as its second input. The shifts are those of
ContextPlain; the gains are those of FiLM (Perez et al., AAAI 2018, arXiv:1709.07871). SRMD (Zhang et al., CVPR 2018,
arXiv:1712.06116) gives the same knowledge as constant maps to its first convolution.
"""

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON, Condition
from kukkiri.networks.blocks import require_positive, require_shape
from kukkiri.networks.interface import Configuration
from kukkiri.networks.plain import Plain
from kukkiri.networks.state_shapes import write_shapes

__all__ = ["ModulatedPlain"]

_NOISE_UNIT = 0.1
"""Standard deviation of noise that counts as 1, so that it weighs as much as the covariance does."""


class ModulatedPlain(Plain):
    """155,596 parameters at x2 in RGB with 48 features and 7 layers; receptive field: depth + 1 LR pixels to each side.

    Args:
        scale: at least 1.
        colour: ``rgb`` or ``y``.
        width: features.
        depth: convolutions before the head, at least 1.
        hidden: features of the network between the condition and the modulation, at least 1.
        noise: the condition has the standard deviation of the noise after the covariance of the blur.
        subsample: after the blur, in training: ``direct`` or ``bicubic``.
    """

    title = "ModulatedPlain"
    paper = "ours; after Zhang et al., SRMD, CVPR 2018, arXiv:1712.06116"
    keys_source = "own"
    licence = "Apache-2.0"
    configurations = (Configuration("ModulatedPlain", {"scale": 2}),)
    tiny = (
        {"scale": 2, "width": 4, "depth": 2, "hidden": 3},
        {"scale": 3, "width": 4, "depth": 1, "hidden": 2, "colour": "y", "noise": False},
    )
    untraced: Mapping[str, str] = {"subsample": "direct for pixels [0::scale] after the blur, or bicubic"}

    conditions = ("condition",)
    units: Tensor

    def __init__(
        self,
        *,
        scale: int = 2,
        colour: Literal["y", "rgb"] = "rgb",
        width: int = 48,
        depth: int = 7,
        hidden: int = 32,
        noise: bool = True,
        subsample: Literal["direct", "bicubic"] = "direct",
    ) -> None:
        require_positive(hidden=hidden)
        if subsample not in ("direct", "bicubic"):
            raise ValueError(f"subsample must be 'direct' or 'bicubic', got {subsample!r}")
        super().__init__(scale=scale, colour=colour, width=width, depth=depth)
        self.noise = noise
        self.subsample = subsample
        length = 3 + noise
        outputs = 2 * depth * width  # of each layer the gains, then the shifts
        self.linear = nn.Linear(length, outputs, bias=False)
        self.hidden = nn.Linear(length, hidden)
        self.curved = nn.Linear(hidden, outputs, bias=False)
        self.register_buffer("units", torch.tensor([1.0] * 3 + [_NOISE_UNIT] * noise), persistent=False)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.curved.weight)

    def modulation(self, condition: Tensor) -> Tensor:
        """Compute what is added to a gain of 1 and to a shift of 0, (N, depth, 2, width), from (N, 3 or 4)."""
        scaled = condition / self.units
        both: Tensor = self.linear(scaled) + self.curved(functional.relu(self.hidden(scaled)))
        return both.reshape(-1, len(self.body), 2, self.head.in_channels)

    def forward(self, lr: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]  # the condition is no option
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W), not clamped.

        Args:
            lr: the images.
            condition: (N, 3 or 4), one for each image, as :class:`kukkiri.info.Condition` describes ``covariance``.
        """
        x = lr
        modulation = self.modulation(condition)[..., None, None]
        for number, layer in enumerate(self.body):
            gain, shift = modulation[:, number, 0], modulation[:, number, 1]
            x = functional.relu(layer(x) * (1 + gain) + shift)
        return self.upscale(x, lr)

    def example_conditions(self, batch: int) -> tuple[Tensor, ...]:
        """The description of a degradation for each image."""
        return (torch.rand(batch, 3 + self.noise) * self.units,)

    def describe_condition(self) -> Condition | None:
        """The covariance of the blur, and the noise after it."""
        return Condition(kind="covariance", length=3 + self.noise, subsample=self.subsample, noise=self.noise)

    @torch.no_grad()
    def begin_as_context(self, state: Mapping[str, Tensor]) -> None:
        """Become the ContextPlain of a state dict, in place: no gains, and its code as the map of the covariance.

        Raises:
            ModelError: not the weights of a ContextPlain of this width and depth, with a context of 3.
        """
        depth, width = len(self.body), self.head.in_channels
        own = {key: value for key, value in self.state_dict().items() if key.startswith(("body.", "head."))}
        wanted = {key: value.shape for key, value in own.items()}
        wanted |= {"code": torch.Size([3]), **{f"codes.{i}": torch.Size([width, 3]) for i in range(depth)}}
        found = {key: value.shape for key, value in state.items()}
        if found != wanted:
            differing = write_shapes(found, wanted)
            raise ModelError(f"not a contextplain of {depth} layers of {width} features: {differing}.")
        for key, value in own.items():
            value.copy_(state[key])
        nn.init.zeros_(self.curved.weight)
        self.linear.weight.zero_()
        shifts = self.linear.weight.view(depth, 2, width, -1)[:, 1]
        for number, layer in enumerate(self.body):
            weight = state[f"codes.{number}"]
            shifts[number, :, :3] = weight
            layer.get_parameter("bias").add_(weight @ state["code"])

    @torch.no_grad()
    def begin_at_other_scale(self, state: Mapping[str, Tensor], *, scale: int) -> None:
        """Become a network of another scale, in place: the same blurs and sub-pixels, measured in LR pixels.

        The new condition is written into the maps of the old one, so that the modulation of a blur stays what it was.
        The head's sub-pixels lie at other places of an LR pixel: they are interpolated linearly between the old ones,
        which is exact where places coincide, as all of a divisor's do with direct subsampling.

        Args:
            state: of a ModulatedPlain of the same colour, width, depth, hidden features, noise and subsampling.
            scale: of that network.

        Raises:
            ModelError: other shapes.
        """
        old = {key: value.clone() for key, value in state.items()}
        outputs = self.channels * scale**2
        heads = ("head.weight", "head.bias")
        wanted = {
            key: torch.Size([outputs, *value.shape[1:]]) if key in heads else value.shape
            for key, value in self.state_dict().items()
        }
        found = {key: value.shape for key, value in old.items()}
        if found != wanted:
            raise ModelError(f"not the weights of this modulatedplain at scale {scale}: {write_shapes(found, wanted)}.")
        self._keep_modulation(old, ratio=scale / self.scale)
        places = _place_sub_pixels(self.scale, old=scale, centred=self.subsample == "bicubic").to(self.head.weight)
        for key in heads:
            grid = old[key].reshape(self.channels, scale, scale, *old[key].shape[1:])
            old[key] = torch.einsum("ar,bs,crs...->cab...", places, places, grid).flatten(0, 2)
        self.load_state_dict(old)

    def _keep_modulation(self, state: dict[str, Tensor], *, ratio: float) -> None:
        """Rewrite layers in place for the code of the new scale: the old code is ``ratio`` times it, plus a constant.

        A covariance v in HR pixels squared has the code v / (1.25 scale) - 1 (off the diagonal without the 1), and at
        ``ratio`` times the scale the same blur of LR has ratio^2 v.
        """
        depth, width = len(self.body), self.head.in_channels
        constant = state["linear.weight"].new_zeros(state["linear.weight"].shape[1])
        constant[:2] = ratio - 1
        gains, shifts = (state["linear.weight"] @ constant).view(depth, 2, width).unbind(1)
        state["hidden.bias"] += state["hidden.weight"] @ constant
        for key in ("linear.weight", "hidden.weight"):
            state[key][:, :3] *= ratio
        for key in ("linear.weight", "curved.weight"):
            rows = state[key].view(depth, 2, width, -1)
            rows[:, 0] /= 1 + gains[..., None]  # what multiplies a layer is (1 + constant) (1 + these gains)
            rows[:, 1] -= (
                shifts[..., None] * rows[:, 0]
            )  # as the constant shift goes into the bias, which they multiply
        for number in range(depth):
            gain = 1 + gains[number]
            state[f"body.{number}.weight"] *= gain[:, None, None, None]
            state[f"body.{number}.bias"] *= gain
            state[f"body.{number}.bias"] += shifts[number]

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments but ``subsample``."""
        length = require_shape(state, "linear.weight", network="modulatedplain")[1]
        if length not in (3, 4):
            raise ModelError(f"not a state dict of modulatedplain: a condition of {length} numbers, expected 3 or 4.")
        found = super().arguments_from_state(state)
        del found["unshuffle"]
        hidden = require_shape(state, "hidden.weight", network="modulatedplain")[0]
        return {**found, "hidden": hidden, "noise": length == 4}


def _place_sub_pixels(new: int, *, old: int, centred: bool) -> Tensor:
    """Weigh the old sub-pixels along one side of an LR pixel for each of the new ones, (new, old).

    Args:
        new: sub-pixels along the side.
        old: sub-pixels along the side.
        centred: sub-pixels lie in the middle of their share of the side; else at its beginning, as direct subsampling
            has them.
    """
    weights = torch.zeros(new, old)
    for place in range(new):
        at = (place + 0.5) * old / new - 0.5 if centred else place * old / new
        first = min(max(math.floor(at), 0), max(old - 2, 0))
        share = at - first if old > 1 else 0.0
        weights[place, first] = 1 - share
        if share:
            weights[place, first + 1] = share
    return weights
