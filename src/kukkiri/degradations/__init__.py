"""HR images to LR images: steps with a one-line text form (blur, subsampling, noise, JPEG), kernels, estimates."""

from kukkiri.degradations.alignment import (
    align_kernel,
    centre_kernel,
    centre_of_mass,
    crop_kernel,
    kernel_covariance,
    lies_aligned,
    move_kernel,
    odd_sided,
    shrink_kernel,
)
from kukkiri.degradations.arguments import Arguments, write_number, write_step
from kukkiri.degradations.blur_candidates import BlurCandidate, BlurRanking, judge_kernel, rank_blurs
from kukkiri.degradations.blur_kernels import (
    as_kernel,
    bicubic_kernel,
    disk_kernel,
    flip_kernel,
    gaussian_kernel,
    gaussian_kernel_from_sigmas,
    generalized_gaussian_kernel,
    motion_kernel,
    plateau_kernel,
    sample_gaussian_kernel,
    sample_motion_kernel,
    sinc_kernel,
)
from kukkiri.degradations.conditions import compute_condition, pack_basis, read_basis, read_covariance, unpack_basis
from kukkiri.degradations.degradation import Degradation
from kukkiri.degradations.degradation_estimate import (
    DegradationEstimate,
    DegradationRequest,
    read_degradation,
)
from kukkiri.degradations.estimate import KernelEstimate, estimate_kernel
from kukkiri.degradations.estimate_gaussian import GaussianEstimate, estimate_gaussian
from kukkiri.degradations.estimators import FindCovariance, estimate_degradation
from kukkiri.degradations.grammar import PRESETS
from kukkiri.degradations.kernel_families import KernelBasis, double_scale_kernel, suppress_small_weights
from kukkiri.degradations.kernel_files import kernel_view, load_kernel, save_kernel
from kukkiri.degradations.linear import blur, blur_downsample, crop_to_multiple, subsample
from kukkiri.degradations.lr_images import make_lr, write_kernels
from kukkiri.degradations.noise_estimation import NoiseEstimate, estimate_noise, find_jpeg_grid
from kukkiri.degradations.operators import Correlation, Decimation, Interpolation
from kukkiri.degradations.step import LinearStep, Stage, Step, StepSampler
from kukkiri.degradations.steps import SAMPLING_REVISION, STEPS
from kukkiri.degradations.steps.blurs import Blur, ClosedFormBlur
from kukkiri.degradations.steps.compression import jpeg
from kukkiri.degradations.steps.noise import gaussian_noise, poisson_noise

__all__ = [
    "PRESETS",
    "SAMPLING_REVISION",
    "STEPS",
    "Arguments",
    "Blur",
    "BlurCandidate",
    "BlurRanking",
    "ClosedFormBlur",
    "Correlation",
    "Decimation",
    "Degradation",
    "DegradationEstimate",
    "DegradationRequest",
    "FindCovariance",
    "GaussianEstimate",
    "Interpolation",
    "KernelBasis",
    "KernelEstimate",
    "LinearStep",
    "NoiseEstimate",
    "Stage",
    "Step",
    "StepSampler",
    "align_kernel",
    "as_kernel",
    "bicubic_kernel",
    "blur",
    "blur_downsample",
    "centre_kernel",
    "centre_of_mass",
    "compute_condition",
    "crop_kernel",
    "crop_to_multiple",
    "disk_kernel",
    "double_scale_kernel",
    "estimate_degradation",
    "estimate_gaussian",
    "estimate_kernel",
    "estimate_noise",
    "find_jpeg_grid",
    "flip_kernel",
    "gaussian_kernel",
    "gaussian_kernel_from_sigmas",
    "gaussian_noise",
    "generalized_gaussian_kernel",
    "jpeg",
    "judge_kernel",
    "kernel_covariance",
    "kernel_view",
    "lies_aligned",
    "load_kernel",
    "make_lr",
    "motion_kernel",
    "move_kernel",
    "odd_sided",
    "pack_basis",
    "plateau_kernel",
    "poisson_noise",
    "rank_blurs",
    "read_basis",
    "read_covariance",
    "read_degradation",
    "sample_gaussian_kernel",
    "sample_motion_kernel",
    "save_kernel",
    "shrink_kernel",
    "sinc_kernel",
    "subsample",
    "suppress_small_weights",
    "unpack_basis",
    "write_kernels",
    "write_number",
    "write_step",
]
