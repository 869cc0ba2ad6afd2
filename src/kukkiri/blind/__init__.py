"""Blind super-resolution as published: estimators of the blur kernel, and solvers that invert a known one (torch)."""

from kukkiri.blind.half_quadratic import Denoiser, Schedule, make_schedule, solve_dpsr, solve_plug_and_play
from kukkiri.blind.ikc import IKCResult, solve_ikc
from kukkiri.blind.kernel_gan import KernelGANEstimate, KernelGANProgress, clean_kernel, estimate_kernel_gan
from kukkiri.blind.usrnet_solver import solve_usrnet
from kukkiri.blind.weights import DnCNN, load_denoiser, load_estimator
from kukkiri.inference.periodic_borders import DataBorder

__all__ = [
    "DataBorder",
    "Denoiser",
    "DnCNN",
    "IKCResult",
    "KernelGANEstimate",
    "KernelGANProgress",
    "Schedule",
    "clean_kernel",
    "estimate_kernel_gan",
    "load_denoiser",
    "load_estimator",
    "make_schedule",
    "solve_dpsr",
    "solve_ikc",
    "solve_plug_and_play",
    "solve_usrnet",
]
