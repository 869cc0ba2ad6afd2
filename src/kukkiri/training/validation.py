"""Validation during training: the mean PSNR of folders of images in the ``y-matlab`` protocol."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kukkiri.data import PairSet, read_rgb8
from kukkiri.data.prepared import is_prepared
from kukkiri.degradations import Degradation
from kukkiri.errors import ImageError
from kukkiri.files import require_images
from kukkiri.inference import Upscaler
from kukkiri.inference.torch_engine import TorchEngine
from kukkiri.info import ModelInfo
from kukkiri.metrics import PROTOCOLS
from kukkiri.networks import Network
from kukkiri.training.recipe import Recipe

__all__ = ["Validation", "ValidationSets", "read_central_crops"]


@dataclass(frozen=True)
class Validation:
    """Pairs of LR and HR images, 8-bit RGB."""

    pairs: tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...]
    """(lr, hr), uint8 (H, W, 3) each."""
    scale: int

    @classmethod
    def from_folder(cls, folder: Path, *, scale: int, degradation: str = "bicubic") -> "Validation":
        """Read every image of a folder, and degrade it as :meth:`kukkiri.data.PairSet.from_folder` does.

        A folder made by ``kukkiri data prepare`` is read as it is; each of its sub-images counts as an image.

        Raises:
            ConfigError: no images, or a prepared folder without LR images for this scale and degradation.
            ImageError: an image cannot be read or is too small to be scored.
        """
        if is_prepared(folder):
            made = PairSet.from_folder(folder, scale=scale, colour="rgb", degradation=degradation)
            return cls(pairs=tuple((pair.lr, pair.hr) for pair in made), scale=scale)
        degrade = Degradation.parse(degradation)
        pairs = []
        for place, path in enumerate(require_images(folder)):
            hr = read_rgb8(path)
            hr = hr[: hr.shape[0] - hr.shape[0] % scale, : hr.shape[1] - hr.shape[1] % scale]
            if min(hr.shape[:2]) <= 2 * scale:
                raise ImageError(
                    f"{path}: {hr.shape[1]}x{hr.shape[0]} at scale {scale} is too small to be scored, which leaves "
                    f"out a border of {scale} pixels. Take it out of the validation images."
                )
            pairs.append((degrade.apply(hr, scale=scale, seed=(place, 0)), hr))
        return cls(pairs=tuple(pairs), scale=scale)

    def psnr(self, network: Network, *, info: ModelInfo, device: torch.device | str = "cpu") -> float:
        """Return the mean PSNR in dB of a network with its descriptor.

        Args:
            network: it is copied to the device.
            info: its descriptor.
            device: where it runs.
        """
        upscaler = Upscaler(TorchEngine(network, info=info, device=str(device)))
        protocol = PROTOCOLS["y-matlab"]
        scores = [protocol.score(hr, upscaler(lr), scale=self.scale).psnr for lr, hr in self.pairs]
        return float(np.mean(scores))


@dataclass(frozen=True)
class ValidationSets:
    """The validation sets of a recipe, and their weights in the mean."""

    sets: Mapping[str, Validation]
    weights: Mapping[str, float]

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> "ValidationSets":
        """Read the images of all sets."""
        sets = {
            name: Validation.from_folder(
                Path(chosen.folder),
                scale=recipe.scale,
                degradation=chosen.degradation or recipe.validation_degradation or recipe.degradation,
            )
            for name, chosen in recipe.scored_sets.items()
        }
        return cls(sets, {name: chosen.weight for name, chosen in recipe.scored_sets.items()})

    def fingerprint(self) -> str:
        """Return a digest of the images and the weights, on which the PSNR of a network depends."""
        digest = hashlib.sha256()
        for name, chosen in self.sets.items():
            digest.update(f"set weight {self.weights[name]}".encode())
            for pair in chosen.pairs:
                for image in pair:
                    digest.update(str(image.shape).encode() + np.ascontiguousarray(image).tobytes())
        return digest.hexdigest()

    def psnr(
        self, network: Network, *, info: ModelInfo, device: torch.device | str = "cpu"
    ) -> tuple[float, dict[str, float]]:
        """Return the weighted mean of the sets' PSNR in dB, and that of each set by name."""
        scores = {name: chosen.psnr(network, info=info, device=device) for name, chosen in self.sets.items()}
        total = sum(self.weights.values())
        if len(scores) == 1 or not total:
            return float(np.mean(list(scores.values()))), scores
        return sum(self.weights[name] * score for name, score in scores.items()) / total, scores


def read_central_crops(
    folder: Path, *, count: int, side: int, multiple: int, scale: float
) -> tuple[NDArray[np.uint8], ...]:
    """Read central crops of the first images of a folder, (H, W, 3) each.

    Args:
        folder: of HR images.
        count: number of images, the first ones by name.
        side: largest height and width of a crop; the key ``validation_side`` of a recipe.
        multiple: height and width are multiples of it.
        scale: a crop without more than a border of this on every side is too small to be scored.

    Raises:
        ConfigError: no images.
        ImageError: an image cannot be read or is too small.
    """
    crops = []
    for path in require_images(folder)[:count]:
        hr = read_rgb8(path)
        sides = [min(side, length) // multiple * multiple for length in hr.shape[:2]]
        if min(sides) <= 2 * scale:
            raise ImageError(
                f"{path}: of {hr.shape[1]}x{hr.shape[0]}, {sides[1]}x{sides[0]} are left at scale {scale:g}, "
                f"validation_side = {side}: too few to be scored. Raise validation_side, or take the image out."
            )
        top, left = ((length - used) // 2 for length, used in zip(hr.shape[:2], sides, strict=True))
        crops.append(hr[top : top + sides[0], left : left + sides[1]])
    return tuple(crops)
