"""Validation during training: the mean PSNR of a folder of images in the ``y-matlab`` protocol."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri.data import read_rgb8
from kukkiri.degradations import Degradation
from kukkiri.files import require_images
from kukkiri.inference import Upscaler
from kukkiri.inference.torch_engine import TorchEngine
from kukkiri.info import ModelInfo
from kukkiri.metrics import PROTOCOLS
from kukkiri.networks import Network

__all__ = ["Validation"]


@dataclass(frozen=True)
class Validation:
    """Pairs of LR and HR images, 8-bit RGB."""

    pairs: tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...]
    """(lr, hr), uint8 (H, W, 3) each."""
    scale: int

    @classmethod
    def from_folder(cls, folder: Path, *, scale: int, degradation: str = "bicubic") -> "Validation":
        """Read every image of a folder, and degrade it as :meth:`kukkiri.data.PairSet.from_folder` does."""
        degrade = Degradation.parse(degradation)
        pairs = []
        for place, path in enumerate(require_images(folder)):
            hr = read_rgb8(path)
            hr = hr[: hr.shape[0] - hr.shape[0] % scale, : hr.shape[1] - hr.shape[1] % scale]
            pairs.append((degrade.apply(hr, scale=scale, seed=(place, 0)), hr))
        return cls(pairs=tuple(pairs), scale=scale)

    def psnr(self, network: Network, *, info: ModelInfo) -> float:
        """Return the mean PSNR in dB of a network with its descriptor."""
        upscaler = Upscaler(TorchEngine(network, info=info))
        protocol = PROTOCOLS["y-matlab"]
        scores = [protocol.score(hr, upscaler(lr), scale=self.scale).psnr for lr, hr in self.pairs]
        return float(np.mean(scores))
