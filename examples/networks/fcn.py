"""FCN and SegNet: an encoder that shrinks and a decoder that upscales again, to one score per class and pixel.

Long et al., "Fully convolutional networks for semantic segmentation", CVPR 2015, arXiv:1411.4038: transposed
convolutions started as bilinear interpolation, and features of the encoder added on the way. Badrinarayanan
et al., "SegNet", TPAMI 2017, arXiv:1511.00561: the decoder puts each value back where the encoder's pooling found
it (``head="unpooling"``, no additions). Differs from the papers: three small stages instead of VGG-16. Not
a super-resolution network, so not in ``NETWORKS``.
"""

from typing import Literal

from torch import Tensor, nn

from kukkiri.upsampling import UPSAMPLERS

__all__ = ["FCN"]


class FCN(nn.Module):
    """(N, channels, H, W) to class scores (N, classes, H, W); H and W multiples of ``multiple``."""

    def __init__(
        self,
        *,
        classes: int = 21,
        channels: int = 3,
        widths: tuple[int, ...] = (32, 64, 128),
        head: str = "transposed",
        start: Literal["random", "nearest", "area"] = "area",
        skips: bool | None = None,
    ) -> None:
        """Build the network.

        Args:
            classes: of the scores.
            channels: of the image.
            widths: channels of the encoder's stages; each halves the sides.
            head: key of ``UPSAMPLERS``, or ``unpooling`` (SegNet).
            start: how learned upscalings start (:mod:`kukkiri.upsampling.icnr`); ``area`` is FCN's bilinear
                start, with a random kernel between the channels.
            skips: add the encoder's features; by default as FCN, and as SegNet not with ``unpooling``.

        Raises:
            ValueError: an unknown head, or no widths.
        """
        super().__init__()
        if head != "unpooling" and head not in UPSAMPLERS:
            raise ValueError(f"unknown head {head!r}; known: unpooling, {', '.join(UPSAMPLERS)}")
        if not widths:
            raise ValueError("widths must hold at least one number")
        self.unpooling = head == "unpooling"
        self.skips = not self.unpooling if skips is None else skips
        self.multiple = 2 ** len(widths)
        self.encoder = nn.ModuleList(
            _convolution(before, after) for before, after in zip((channels, *widths[:-1]), widths, strict=True)
        )
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)
        self.upscale = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for width, after in zip(reversed(widths), (*reversed(widths[:-1]), widths[0]), strict=True):
            self.decoder.append(_convolution(width, after))
            if self.unpooling:
                continue
            layer = UPSAMPLERS[head](channels_in=width, channels_out=width, scale=2)
            if start != "random" and not head.startswith("resize"):
                layer.icnr_(upscaling=start)
            self.upscale.append(layer)
        self.score = nn.Conv2d(widths[0], classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, classes, H, W)."""
        features, kept, places = image, [], []
        for stage in self.encoder:
            kept.append(stage(features))
            features, found = self.pool(kept[-1])
            places.append(found)
        for level, decode in enumerate(self.decoder):
            place = places[-1 - level]
            features = self.unpool(features, place) if self.unpooling else self.upscale[level](features)
            if self.skips:
                features = features + kept[-1 - level]
            features = decode(features)
        scores: Tensor = self.score(features)
        return scores


def _convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU()
    )
