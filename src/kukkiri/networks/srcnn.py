"""SRCNN: three convolutions on an image that bicubic interpolation has upscaled.

Dong et al., "Image Super-Resolution Using Deep Convolutional Networks", TPAMI 2016, arXiv:1501.00092.
Differs from the paper: zero padding, so that sr has the size of the input; the paper trains without
padding and its test code repeats the border (``padding="replicate"``). State-dict keys are those of
yjn870/SRCNN-pytorch.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import require_shape
from kukkiri.networks.interface import Configuration, Network, PublishedScores

__all__ = ["SRCNN"]


class SRCNN(Network):
    """57,281 parameters as 9-5-5, 24,513 as 9-3-5, 8,129 as 9-1-5; one luma channel in [0, 1].

    Receptive field of 9-5-5: 8 pixels of the upscaled input to each side.

    Args:
        scale: of the upscaling that precedes the network; its weights have the same shape for every scale.
        colour: ``y``, one luma channel, as in the paper, or ``rgb``.
        kernels: sides of the three kernels, odd: (9, 1, 5), (9, 3, 5) or (9, 5, 5).
        widths: features after the first and after the second convolution.
        padding: values beyond the border, ``zeros`` or ``replicate``.
    """

    title = "SRCNN"
    paper = "Dong et al., TPAMI 2016, arXiv:1501.00092"
    keys_source = "yjn870/SRCNN-pytorch"
    licence = "no licence file (yjn870/SRCNN-pytorch)"
    untraced: Mapping[str, str] = {"padding": "zeros in yjn870/SRCNN-pytorch, replicate in the authors' code"}
    configurations = (
        Configuration("SRCNN 9-1-5", {"scale": 4, "kernels": [9, 1, 5]}),
        Configuration("SRCNN 9-3-5", {"scale": 4, "kernels": [9, 3, 5]}),
        Configuration(
            "SRCNN 9-5-5",
            {"scale": 4},
            PublishedScores(
                set5={2: 36.66, 3: 32.75, 4: 30.48},
                b100={2: 31.36, 3: 28.41, 4: 26.9},
                source="table in yulunzhang/RCAN, Figs/psnr_bi_1 to 3",
            ),
        ),
    )
    tiny = (
        {"widths": [4, 3]},
        {"kernels": [9, 1, 5], "widths": [4, 3], "colour": "rgb"},
    )

    pre_upsampled = True

    def __init__(
        self,
        *,
        scale: int = 2,
        colour: Literal["y", "rgb"] = "y",
        kernels: Sequence[int] = (9, 5, 5),
        widths: Sequence[int] = (64, 32),
        padding: Literal["zeros", "replicate"] = "zeros",
    ) -> None:
        super().__init__()
        if any(side % 2 == 0 for side in kernels):
            raise ValueError(f"kernels must be odd, got {tuple(kernels)}")
        self.scale = scale
        self.colour = colour
        self.receptive_field = sum(side // 2 for side in kernels)
        features = (self.channels, *widths, self.channels)
        self.conv1, self.conv2, self.conv3 = (
            nn.Conv2d(features[i], features[i + 1], kernels[i], padding=kernels[i] // 2, padding_mode=padding)
            for i in range(3)
        )

    def forward(self, lr: Tensor) -> Tensor:
        """Map the upscaled lr (N, C, H, W) in [0, 1] to sr of the same shape, not clamped."""
        features = functional.relu(self.conv1(lr))
        sr: Tensor = self.conv3(functional.relu(self.conv2(features)))
        return sr

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer colour, kernels and widths; the scale and the padding leave no trace."""
        shapes = [require_shape(state, f"conv{i}.weight", network="srcnn") for i in (1, 2, 3)]
        if "conv4.weight" in state or any(len(shape) != 4 for shape in shapes):
            raise ModelError("not a state dict of srcnn: expected three convolutions, conv1 to conv3.")
        return {
            "colour": "y" if shapes[0][1] == 1 else "rgb",
            "kernels": [shape[2] for shape in shapes],
            "widths": [shapes[0][0], shapes[1][0]],
        }
