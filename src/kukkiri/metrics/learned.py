"""LPIPS and DISTS, whose weights were fitted to human judgements (extra ``lpips`` and files of the user's).

The features are those of AlexNet and VGG-16, whose weights kukkiri neither ships nor fetches.
:mod:`kukkiri.losses.learned_distances` has the definitions.
"""

import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kukkiri.engine_loaders import compute_distance
from kukkiri.errors import ModelError
from kukkiri.metrics.border import cut_colours, make_value
from kukkiri.metrics.metric import Metric

__all__ = ["DISTS", "LPIPS", "dists", "lpips"]

VARIABLE = "KUKKIRI_FEATURES"
"""Environment variable with the folder of the weights of the classifiers; without it the working directory."""
_SMALLEST = 32  # a feature along a side after the fourth halving of VGG-16 is two pixels


def lpips(hr: NDArray[Any], sr: NDArray[Any], *, border: int = 0) -> float:
    """LPIPS 0.1 on AlexNet, the variant that papers on super-resolution print.

    Args:
        hr: (H, W, 3) RGB or (H, W) luma, uint8, at least 32 pixels along each side after the cut.
        sr: the same shape.
        border: pixels cut from each side first.

    Returns:
        At least 0, which equal images have.

    Raises:
        BackendError: torch or the extra ``lpips`` is not installed.
        ModelError: there is no ``alexnet.pth``, or it is not AlexNet's.
        ValueError: the shapes differ, the images are not uint8, or a side is too small.
    """
    return _compute("lpips", hr, sr, border=border, file="alexnet.pth")


def dists(hr: NDArray[Any], sr: NDArray[Any], *, border: int = 0) -> float:
    """DISTS, on VGG-16.

    Args:
        hr: see :func:`lpips`.
        sr: the same shape.
        border: pixels cut from each side first.

    Returns:
        0 for equal images.

    Raises:
        BackendError: torch or the extra ``lpips`` is not installed.
        ModelError: there is no ``vgg16.pth``, or it is not VGG-16's.
        ValueError: see :func:`lpips`.
    """
    return _compute("dists", hr, sr, border=border, file="vgg16.pth")


def _compute(name: str, hr: NDArray[Any], sr: NDArray[Any], *, border: int, file: str) -> float:
    title = name.upper()
    reference, estimate = cut_colours(hr, sr, border=border, smallest=_SMALLEST, metric=title)
    path = Path(os.environ.get(VARIABLE, ".")).expanduser() / file
    if not path.is_file():
        raise ModelError(
            f"{path}: no such file. {title} needs torchvision's weights of {path.stem}, which kukkiri does not ship: "
            f"save them as {file} in the working directory, or in the folder that {VARIABLE} names."
        )
    return compute_distance(name, reference, estimate, path)


def _make(title: str, compare: Any, *, summary: str, file: str) -> Metric:
    return Metric(
        title,
        make_value(compare, smallest=_SMALLEST, colour=True),
        higher_is_better=False,
        summary=summary,
        needs=f"the extra `lpips`, and `{file}`; {_SMALLEST} pixels along each side after the cut",
        digits=4,
        depends_on_files=True,
    )


LPIPS = _make(
    "LPIPS", lpips, file="alexnet.pth", summary="weighted distance of the features of AlexNet, 0.1 (Zhang et al. 2018)"
)
DISTS = _make(
    "DISTS", dists, file="vgg16.pth", summary="structure and texture of the features of VGG-16 (Ding et al. 2020)"
)
