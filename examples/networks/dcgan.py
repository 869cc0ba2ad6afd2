"""DCGAN's generator: from a code to an image by four upscalings, with any upsampling layer.

Radford et al., "Unsupervised representation learning with deep convolutional generative adversarial networks", ICLR
2016, arXiv:1511.06434. The network whose checkerboards Odena et al. (Distill 2016) explained. Differs from the paper:
4x4 kernels instead of 5x5, as in every later implementation; ``head`` replaces the transposed convolutions. Not a
super-resolution network, so not in ``NETWORKS``.
"""

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from kukkiri.upsampling import UPSAMPLERS, Upsampler

__all__ = ["DCGANGenerator"]


class DCGANGenerator(nn.Module):
    """Code (N, latent) to image (N, channels, 64, 64) in [-1, 1] with four widths."""

    def __init__(
        self,
        *,
        latent: int = 100,
        channels: int = 3,
        widths: tuple[int, ...] = (512, 256, 128, 64),
        head: str = "transposed",
        initialization: Literal["random", "nearest", "area"] = "random",
    ) -> None:
        """Build the network.

        Args:
            latent: length of the code.
            channels: of the image.
            widths: channels at 4x4, 8x8, ...; each doubles the side, and so does the last layer.
            head: key of ``UPSAMPLERS``.
            initialization: ``random`` is the paper's N(0, 0.02); the others initialize every upscaling without a
                pattern (:mod:`kukkiri.upsampling.icnr`).

        Raises:
            ValueError: an unknown head, or no widths.
        """
        super().__init__()
        if head not in UPSAMPLERS:
            raise ValueError(f"unknown head {head!r}; known: {', '.join(UPSAMPLERS)}")
        if not widths:
            raise ValueError("widths must hold at least one number")
        self.latent = latent
        self.project = nn.Sequential(
            nn.ConvTranspose2d(latent, widths[0], 4, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        stages: list[nn.Module] = []
        for before, after in pairwise(widths):
            stages.append(UPSAMPLERS[head](channels_in=before, channels_out=after, scale=2))
            stages += [nn.BatchNorm2d(after), nn.ReLU()]
        stages.append(UPSAMPLERS[head](channels_in=widths[-1], channels_out=channels, scale=2))
        self.stages = nn.Sequential(*stages)
        self.squash = nn.Tanh()
        self._initialize(initialization)

    def _initialize(self, initialization: Literal["random", "nearest", "area"]) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, std=0.02)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, mean=1.0, std=0.02)
                nn.init.zeros_(layer.bias)
        if initialization == "random":
            return
        for layer in self.modules():
            if isinstance(layer, Upsampler):
                layer.icnr_(upscaling=initialization)

    def forward(self, code: Tensor) -> Tensor:
        """(N, latent), normally distributed, to (N, channels, 4 * 2^n, 4 * 2^n) in [-1, 1]."""
        image: Tensor = self.squash(self.stages(self.project(code[:, :, None, None])))
        return image
