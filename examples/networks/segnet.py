"""SegNet: an encoder and a decoder that remembers where the encoder found its maxima, to one score per class and pixel.

Badrinarayanan et al., "SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation", TPAMI 2017,
arXiv:1511.00561: the decoder puts each value back where the encoder's pooling found it, and convolutions fill the
gaps. Differs from the paper: three small stages of one convolution each instead of VGG-16. Not a super-resolution
network, so not in ``NETWORKS``.
"""

from torch import Tensor, nn

from kukkiri.upsampling import MaxUnpooling
from networks.fcn import make_stage

__all__ = ["SegNet"]


class SegNet(nn.Module):
    """(N, channels, H, W) to class scores (N, classes, H, W); H and W multiples of ``multiple``."""

    def __init__(self, *, classes: int = 21, channels: int = 3, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        """Build the network.

        Args:
            classes: of the scores.
            channels: of the image.
            widths: channels of the encoder's stages; each halves the sides.

        Raises:
            ValueError: no widths.
        """
        super().__init__()
        if not widths:
            raise ValueError("widths must hold at least one number")
        self.multiple = 2 ** len(widths)
        self.encoder = nn.ModuleList(
            make_stage(before, after) for before, after in zip((channels, *widths[:-1]), widths, strict=True)
        )
        self.unpooling = MaxUnpooling(scale=2)
        self.decoder = nn.ModuleList(
            make_stage(before, after)
            for before, after in zip(reversed(widths), (*reversed(widths[:-1]), widths[0]), strict=True)
        )
        self.score = nn.Conv2d(widths[0], classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, classes, H, W)."""
        features, places = image, []
        for encode in self.encoder:
            features, found = self.unpooling.pool(encode(features))
            places.append(found)
        for decode in self.decoder:
            features = decode(self.unpooling(features, places.pop()))
        scores: Tensor = self.score(features)
        return scores
