"""Files to arrays and back, with nothing lost: formats, colour, alpha, metadata, and the geometry of tiles."""

from kukkiri.images.alpha import bleed
from kukkiri.images.colour import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb
from kukkiri.images.formats import OUTPUT_SUFFIXES
from kukkiri.images.headers import ImageHeader, find_own_suffix, read_header
from kukkiri.images.image import Image, save_image
from kukkiri.images.jpeg_quality import read_jpeg_quality
from kukkiri.images.metadata import Metadata
from kukkiri.images.quantization import dequantize, quantize
from kukkiri.images.reading import PIXEL_LIMIT, read_image
from kukkiri.images.sequences import ImageSequence, Timing, open_sequence, read_page
from kukkiri.images.sources import EncodedImage, ImageSource, PillowImage, is_array, open_image, return_in_kind
from kukkiri.images.tiles import Tile, pad_to_multiple, plan_tiles
from kukkiri.images.writing import check_output

__all__ = [
    "OUTPUT_SUFFIXES",
    "PIXEL_LIMIT",
    "EncodedImage",
    "Image",
    "ImageHeader",
    "ImageSequence",
    "ImageSource",
    "Metadata",
    "PillowImage",
    "Tile",
    "Timing",
    "bleed",
    "check_output",
    "dequantize",
    "find_own_suffix",
    "is_array",
    "open_image",
    "open_sequence",
    "pad_to_multiple",
    "plan_tiles",
    "quantize",
    "read_header",
    "read_image",
    "read_jpeg_quality",
    "read_page",
    "return_in_kind",
    "rgb_to_y",
    "rgb_to_ycbcr",
    "save_image",
    "ycbcr_to_rgb",
]
