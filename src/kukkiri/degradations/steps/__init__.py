"""Every step of a degradation by its name in the text form."""

from kukkiri.degradations.step import Step
from kukkiri.degradations.steps.blurs import (
    ArrayBlur,
    DiskBlur,
    FileBlur,
    GaussianBlur,
    GaussianSigmaBlur,
    GeneralizedGaussianBlur,
    MotionBlur,
    PlateauBlur,
    ShakeBlur,
    SincBlur,
)
from kukkiri.degradations.steps.compression import Jpeg
from kukkiri.degradations.steps.noise import Noise, Poisson
from kukkiri.degradations.steps.photo import Photo
from kukkiri.degradations.steps.real import Real
from kukkiri.degradations.steps.resizing import Resize
from kukkiri.degradations.steps.rounding import Round
from kukkiri.degradations.steps.subsampling import Direct, Imresize

__all__ = ["SAMPLING_REVISION", "STEPS"]

STEPS: dict[str, type[Step]] = {
    "gaussian": GaussianBlur,
    "gaussian-sigma": GaussianSigmaBlur,
    "generalized": GeneralizedGaussianBlur,
    "plateau": PlateauBlur,
    "disk": DiskBlur,
    "motion": MotionBlur,
    "sinc": SincBlur,
    "shake": ShakeBlur,
    "array": ArrayBlur,
    "file": FileBlur,
    "direct": Direct,
    "nearest": Imresize,
    "bilinear": Imresize,
    "bicubic": Imresize,
    "lanczos": Imresize,
    "resize": Resize,
    "noise": Noise,
    "poisson": Poisson,
    "jpeg": Jpeg,
    "8bit": Round,
    "photo": Photo,
    "real": Real,
}
"""A program may add its own, ``STEPS["name"] = MyStep``, before a text names it."""

SAMPLING_REVISION = 2
"""Raised whenever a seed samples other steps than before, so that images made before are not taken for new ones."""
