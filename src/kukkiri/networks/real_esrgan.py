"""The discriminator of Real-ESRGAN: a U-Net with spectral normalization that judges every pixel.

Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data", ICCVW 2021,
arXiv:2107.10833, section 3.3; spectral normalization: Miyato et al., ICLR 2018, arXiv:1802.05957. Keys as
``UNetDiscriminatorSN`` of XPixelGroup/BasicSR. The generator is :class:`~kukkiri.networks.rrdbnet.RRDBNet`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.networks.discriminator import Discriminator

__all__ = ["UNetDiscriminator"]


class _SpectralConv(nn.Module):
    """A convolution without bias, divided by its largest singular value; keys of torch's ``spectral_norm``.

    A forward in training mode improves the estimate of that value by one step of the power iteration.
    """

    def __init__(self, inputs: int, outputs: int, side: int, *, stride: int) -> None:
        super().__init__()
        self.stride = stride
        plain = nn.Conv2d(inputs, outputs, side)  # for torch's initialization
        self.weight_orig = nn.Parameter(plain.weight.detach().clone())
        self.register_buffer("weight_u", functional.normalize(torch.randn(outputs), dim=0, eps=1e-12))
        self.register_buffer("weight_v", functional.normalize(torch.randn(inputs * side**2), dim=0, eps=1e-12))

    def forward(self, x: Tensor) -> Tensor:
        u, v = self.get_buffer("weight_u"), self.get_buffer("weight_v")
        matrix = self.weight_orig.flatten(1)
        with torch.no_grad():
            if self.training:
                v.copy_(functional.normalize(matrix.T @ u, dim=0, eps=1e-12))
                u.copy_(functional.normalize(matrix @ v, dim=0, eps=1e-12))
            u, v = u.clone(), v.clone()  # a later forward changes them before this one's backward
        largest = torch.dot(u, matrix @ v)
        return functional.conv2d(x, self.weight_orig / largest, stride=self.stride, padding=1)


class UNetDiscriminator(Discriminator):
    """4,376,897 parameters; a logit for every pixel.

    Args:
        channels: of its input.
        width: features at full size; they double at every of three stages down.
        skips: add the features of the way down to those of the way up.
    """

    title = "U-Net with spectral normalization (Real-ESRGAN)"
    paper = "Wang et al., ICCVW 2021, arXiv:2107.10833"
    keys_source = "XPixelGroup/BasicSR"
    licence = "Apache-2.0 (XPixelGroup/BasicSR)"

    def __init__(self, *, channels: int = 3, width: int = 64, skips: bool = True) -> None:
        super().__init__()
        self.skips = skips
        self.conv0 = nn.Conv2d(channels, width, 3, padding=1)
        for i in (1, 2, 3):
            self.add_module(f"conv{i}", _SpectralConv(width * 2 ** (i - 1), width * 2**i, 4, stride=2))
        for i in (4, 5, 6):
            self.add_module(f"conv{i}", _SpectralConv(width * 2 ** (7 - i), width * 2 ** (6 - i), 3, stride=1))
        self.conv7 = _SpectralConv(width, width, 3, stride=1)
        self.conv8 = _SpectralConv(width, width, 3, stride=1)
        self.conv9 = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Map images (N, channels, H, W) to a map of logits (N, 1, H, W).

        Raises:
            ValueError: a side is not a multiple of 8.
        """
        if any(side % 8 for side in image.shape[-2:]):
            raise ValueError(f"expected sides that are multiples of 8, got {tuple(image.shape[-2:])}")
        down = [functional.leaky_relu(self.conv0(image), 0.2)]
        for i in (1, 2, 3):
            down.append(functional.leaky_relu(self.get_submodule(f"conv{i}")(down[-1]), 0.2))
        features = down.pop()
        for i in (4, 5, 6):
            features = functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
            features = functional.leaky_relu(self.get_submodule(f"conv{i}")(features), 0.2)
            skipped = down.pop()
            features = features + skipped if self.skips else features
        features = functional.leaky_relu(self.conv7(features), 0.2)
        logits: Tensor = self.conv9(functional.leaky_relu(self.conv8(features), 0.2))
        return logits
