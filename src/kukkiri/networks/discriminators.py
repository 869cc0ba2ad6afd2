"""Every discriminator by the name that a recipe gives it, written by hand."""

from kukkiri.networks.discriminator import Discriminator
from kukkiri.networks.enhancenet import EnhanceNetDiscriminator
from kukkiri.networks.pix2pix import PatchDiscriminator
from kukkiri.networks.real_esrgan import UNetDiscriminator
from kukkiri.networks.rrdbnet import ESRGANDiscriminator
from kukkiri.networks.srgan import SRGANDiscriminator

__all__ = ["DISCRIMINATORS"]

DISCRIMINATORS: dict[str, type[Discriminator]] = {
    "enhancenet": EnhanceNetDiscriminator,
    "esrgan": ESRGANDiscriminator,
    "patch": PatchDiscriminator,
    "srgan": SRGANDiscriminator,
    "unet": UNetDiscriminator,
}
"""The discriminators that a recipe can name, sorted. A program may add its own."""
