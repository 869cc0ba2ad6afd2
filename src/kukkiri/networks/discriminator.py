"""The interface of a discriminator: it tells real images from a network's, for adversarial training."""

from torch import Tensor, nn

__all__ = ["Discriminator"]


class Discriminator(nn.Module):
    """A network that maps images to logits, large for real ones: one per image, or a map of them.

    A subclass sets the attributes below; its constructor takes keywords only, and JSON values only, ``channels`` among
    them, so that a recipe can name it by its key in ``DISCRIMINATORS``.
    """

    title: str = ""
    """The name in the paper's spelling."""
    paper: str = ""
    """Authors, venue, year and arXiv id."""
    keys_source: str = ""
    """Repository whose state dicts load; ``own``: there is none."""
    licence: str = ""
    """Licence of the code whose layout is followed."""

    def logits(self, image: Tensor) -> Tensor:
        """Map images (N, channels, H, W) in [0, 1] to logits, large for real ones.

        Raises:
            ValueError: images of a size that it does not take.
        """
        out: Tensor = self(image)
        return out
