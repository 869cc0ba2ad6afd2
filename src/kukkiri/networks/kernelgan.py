"""KernelGAN: a linear generator that learns the blur kernel by downscaling an image, and a patch discriminator.

Bell-Kligler, Shocher and Irani, "Blind Super-Resolution Kernel Estimation using an Internal-GAN", NeurIPS 2019,
arXiv:1909.06581. Keys of sefibk/KernelGAN.
Differs from the paper: nothing known.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["KernelGANDiscriminator", "KernelGANGenerator"]


class KernelGANGenerator(nn.Module):
    """Six convolutions without activations, bias or padding, on each colour separately; 150,656 parameters.

    Together they are one correlation with a 13 x 13 kernel that keeps every ``scale``-th pixel.

    Args:
        scale: of the downscaling.
        width: features.
        kernels: sides of the kernels; only the last convolution has a stride.
    """

    def __init__(self, *, scale: int = 2, width: int = 64, kernels: Sequence[int] = (7, 5, 3, 1, 1, 1)) -> None:
        super().__init__()
        self.scale = scale
        self.first_layer = nn.Conv2d(1, width, kernels[0], bias=False)
        self.feature_block = nn.Sequential(*(nn.Conv2d(width, width, side, bias=False) for side in kernels[1:-1]))
        self.final_layer = nn.Conv2d(width, 1, kernels[-1], stride=scale, bias=False)
        for parameter in self.parameters():
            nn.init.xavier_normal_(parameter, gain=0.1)

    @property
    def kernel_size(self) -> int:
        """Side of the kernel of all convolutions together."""
        return 1 + sum(parameter.shape[-1] - 1 for parameter in self.parameters())

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) in [-1, 1] to (N, C, h, w), h = ceil((H - kernel_size + 1) / scale)."""
        n, c, height, width = image.shape
        features = self.feature_block(self.first_layer(image.reshape(n * c, 1, height, width)))
        lr: Tensor = self.final_layer(features)
        return lr.reshape(n, c, *lr.shape[-2:])

    def kernel(self) -> Tensor:
        """Compute the kernel, (kernel_size, kernel_size), for a correlation; differentiable."""
        response = torch.ones(1, 1, 1, 1, dtype=self.first_layer.weight.dtype, device=self.first_layer.weight.device)
        for weight in self.parameters():
            response = functional.conv2d(response, weight, padding=weight.shape[-1] - 1)
        return response[0, 0].flip(0, 1)  # the response to an impulse is the kernel rotated by 180 degrees


class _SpectralConv(nn.Module):
    """A convolution whose weight is divided by its largest singular value; keys of PyTorch's old spectral_norm."""

    def __init__(self, inputs: int, outputs: int, side: int) -> None:
        super().__init__()
        self.weight_orig = nn.Parameter(torch.empty(outputs, inputs, side, side))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.xavier_normal_(self.weight_orig, gain=0.1)
        self.register_buffer("weight_u", functional.normalize(torch.randn(outputs), dim=0, eps=1e-12))
        self.register_buffer("weight_v", functional.normalize(torch.randn(inputs * side**2), dim=0, eps=1e-12))

    def forward(self, x: Tensor) -> Tensor:
        u, v = self.get_buffer("weight_u"), self.get_buffer("weight_v")
        matrix = self.weight_orig.flatten(1)
        if self.training:  # one step of the power iteration
            with torch.no_grad():
                v = functional.normalize(matrix.T @ u, dim=0, eps=1e-12)
                u = functional.normalize(matrix @ v, dim=0, eps=1e-12)
                self.get_buffer("weight_u").copy_(u)
                self.get_buffer("weight_v").copy_(v)
                u, v = u.clone(), v.clone()
        return functional.conv2d(x, self.weight_orig / torch.dot(u, matrix @ v), self.bias)


class KernelGANDiscriminator(nn.Module):
    """Discriminator of patches of the image from patches of the generator, at every pixel; 30,977 parameters.

    Args:
        width: features.
        depth: convolutions, first and last included; all but the first are 1x1.
        kernel_size: side of the first, which is the size of the patch.
    """

    def __init__(self, *, width: int = 64, depth: int = 7, kernel_size: int = 7) -> None:
        super().__init__()
        self.first_layer = _SpectralConv(3, width, kernel_size)
        layers: list[nn.Module] = []
        for _ in range(depth - 2):
            norm = nn.BatchNorm2d(width)
            nn.init.normal_(norm.weight, 1.0, 0.02)
            layers += [_SpectralConv(width, width, 1), norm, nn.ReLU()]
        self.feature_block = nn.Sequential(*layers)
        self.final_layer = nn.Sequential(_SpectralConv(width, 1, 1), nn.Sigmoid())

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, 3, H, W) in [-1, 1] to a map of probabilities (N, 1, H - kernel_size + 1, ...) of being real."""
        real: Tensor = self.final_layer(self.feature_block(self.first_layer(image)))
        return real
