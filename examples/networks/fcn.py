"""FCN: an encoder that downscales and a decoder that upscales again, to one score per class and pixel.

Long et al., "Fully convolutional networks for semantic segmentation", CVPR 2015, arXiv:1411.4038: transposed
convolutions initialized as bilinear interpolation, and features of the encoder added on the way. Differs from the
paper: three small stages instead of VGG-16. Not a super-resolution network, so not in ``NETWORKS``.
"""

from typing import Literal

from torch import Tensor, nn

from kukkiri.upsampling import UPSAMPLERS

__all__ = ["FCN", "make_stage"]


class FCN(nn.Module):
    """(N, channels, H, W) to class scores (N, classes, H, W); H and W multiples of ``multiple``."""

    def __init__(
        self,
        *,
        classes: int = 21,
        channels: int = 3,
        widths: tuple[int, ...] = (32, 64, 128),
        head: str = "transposed",
        initialization: Literal["random", "nearest", "area"] = "area",
        skips: bool = True,
    ) -> None:
        """Build the network.

        Args:
            classes: of the scores.
            channels: of the image.
            widths: channels of the encoder's stages; each halves the sides.
            head: key of ``UPSAMPLERS``.
            initialization: of learned upscalings (:mod:`kukkiri.upsampling.icnr`); ``area`` is FCN's bilinear
                initialization, with a random kernel between the channels.
            skips: add the encoder's features.

        Raises:
            ValueError: an unknown head, or no widths.
        """
        super().__init__()
        if head not in UPSAMPLERS:
            raise ValueError(f"unknown head {head!r}; known: {', '.join(UPSAMPLERS)}")
        if not widths:
            raise ValueError("widths must hold at least one number")
        self.skips = skips
        self.multiple = 2 ** len(widths)
        self.encoder = nn.ModuleList(
            make_stage(before, after) for before, after in zip((channels, *widths[:-1]), widths, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        self.upscale = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for width, after in zip(reversed(widths), (*reversed(widths[:-1]), widths[0]), strict=True):
            self.decoder.append(make_stage(width, after))
            layer = UPSAMPLERS[head](channels_in=width, channels_out=width, scale=2)
            if initialization != "random" and not head.startswith("resize"):
                layer.icnr_(upscaling=initialization)
            self.upscale.append(layer)
        self.score = nn.Conv2d(widths[0], classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, classes, H, W)."""
        features, kept = image, []
        for encode in self.encoder:
            kept.append(encode(features))
            features = self.pool(kept[-1])
        for upscale, decode in zip(self.upscale, self.decoder, strict=True):
            features = upscale(features)
            skipped = kept.pop()
            features = decode(features + skipped if self.skips else features)
        scores: Tensor = self.score(features)
        return scores


def make_stage(channels_in: int, channels_out: int) -> nn.Sequential:
    """A 3x3 convolution, batch normalization and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU()
    )
