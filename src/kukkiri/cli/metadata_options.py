"""The options of ``kukkiri upscale`` on alpha and on what a file holds beside its pixels."""

from dataclasses import dataclass

from cyclopts import Parameter

from kukkiri.cli.upscale_options import METADATA
from kukkiri.images import PIXEL_LIMIT
from kukkiri.images.metadata_policy import MetadataPolicy
from kukkiri.inference.keeping import Keeping
from kukkiri.inference.separate_planes import AlphaMode

__all__ = ["DEFAULT_METADATA", "MetadataOptions"]


@Parameter(name="*", group=METADATA)
@dataclass(frozen=True, kw_only=True)
class MetadataOptions:
    """Alpha, metadata, and the limit of what is read."""

    alpha: AlphaMode = "transparency"
    """transparency: colours under fully transparent pixels are replaced by those around them; separate: alpha holds
    data (gloss, height, a mask), and the colours are those of the image without it; opaque: alpha is left out."""
    metadata: MetadataPolicy = "keep"
    """keep; strip: nothing but the colour profile; or copyright: that, and what says who made the image and who may use
    it."""
    provenance: bool = False
    """say in each result (XMP, PNG text) and in RESULT.json beside it how it was made: software, model, its sha256,
    scale, options."""
    keep_time: bool = False
    """give each result the file time of its source."""
    max_pixels: int = PIXEL_LIMIT
    """images of more pixels are refused before they are decoded."""

    def keeping(self) -> Keeping:
        """The choices of a run over files."""
        return Keeping(
            pixel_limit=self.max_pixels, metadata=self.metadata, provenance=self.provenance, time=self.keep_time
        )


DEFAULT_METADATA = MetadataOptions()
