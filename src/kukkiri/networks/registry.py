"""Every network by its name, written by hand."""

from kukkiri.networks.interface import Network
from kukkiri.networks.srcnn import SRCNN
from kukkiri.networks.vdsr import VDSR

__all__ = ["NETWORKS"]

NETWORKS: dict[str, type[Network]] = {
    "srcnn": SRCNN,
    "vdsr": VDSR,
}
"""The networks that a checkpoint or a recipe can name, sorted."""
