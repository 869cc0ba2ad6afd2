"""The PatchGAN discriminator: a convolutional network whose every output judges one patch of the image.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (pix2pix), CVPR 2017,
arXiv:1611.07004, section 3.2.2 and the appendix. Keys as ``NLayerDiscriminator`` in the authors' PyTorch code.
Differs from the paper: it sees the image alone, without the LR image beside it.
"""

from torch import Tensor, nn

from kukkiri.networks.discriminator import Discriminator

__all__ = ["PatchDiscriminator"]


class PatchDiscriminator(Discriminator):
    """2,765,633 parameters (the 2,768,705 of the paper's code are for 6 channels); every logit sees 70 x 70 pixels.

    Args:
        channels: of its input.
        width: features of the first layer; they double in the next three stages, and then stay.
        depth: convolutions with stride 2; 3 gives the 70 x 70 patches of the paper, 1 gives 16 x 16.
    """

    title = "PatchGAN"
    paper = "Isola et al., CVPR 2017, arXiv:1611.07004"
    keys_source = "junyanz/pytorch-CycleGAN-and-pix2pix"
    licence = "BSD-2-Clause (junyanz/pytorch-CycleGAN-and-pix2pix)"

    def __init__(self, *, channels: int = 3, width: int = 64, depth: int = 3) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth must be at least 1, got {depth}")
        self.smallest = 3 * 2**depth
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        inputs = width
        for i in range(1, depth + 1):
            outputs = width * min(2**i, 8)
            stride = 2 if i < depth else 1
            layers.append(nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1, bias=False))
            layers += [nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
            inputs = outputs
        layers.append(nn.Conv2d(inputs, 1, 4, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Map images (N, channels, H, W) to a map of logits (N, 1, H / 2^depth - 2, W / 2^depth - 2).

        Raises:
            ValueError: the images are too small for one logit.
        """
        if min(image.shape[-2:]) < self.smallest:
            raise ValueError(f"expected at least {self.smallest} pixels a side, got {tuple(image.shape[-2:])}")
        logits: Tensor = self.model(image)
        return logits
