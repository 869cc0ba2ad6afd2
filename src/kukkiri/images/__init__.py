"""Files to arrays and back, with nothing lost: formats, colour, alpha, metadata, and the geometry of tiles."""

from kukkiri.images.alpha import bleed
from kukkiri.images.atomic import write_atomically
from kukkiri.images.colour import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb
from kukkiri.images.formats import INPUT_SUFFIXES, OUTPUT_SUFFIXES, list_pictures
from kukkiri.images.levels import dequantise, quantise
from kukkiri.images.metadata import Metadata
from kukkiri.images.picture import Picture
from kukkiri.images.reading import PIXEL_LIMIT, read_picture
from kukkiri.images.tiles import Tile, pad_to_multiple, plan_tiles
from kukkiri.images.writing import check_output, save_picture

__all__ = [
    "INPUT_SUFFIXES",
    "OUTPUT_SUFFIXES",
    "PIXEL_LIMIT",
    "Metadata",
    "Picture",
    "Tile",
    "bleed",
    "check_output",
    "dequantise",
    "list_pictures",
    "pad_to_multiple",
    "plan_tiles",
    "quantise",
    "read_picture",
    "rgb_to_y",
    "rgb_to_ycbcr",
    "save_picture",
    "write_atomically",
    "ycbcr_to_rgb",
]
