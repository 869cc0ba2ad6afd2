"""Two differentiable square roots of a symmetric positive semi-definite matrix."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kukkiri.attention.autocast import is_halved, widen

__all__ = ["SqrtMethod", "matrix_sqrt"]

SqrtMethod = Literal["newton-schulz", "eigen"]


def matrix_sqrt(
    matrix: Tensor, *, method: SqrtMethod = "newton-schulz", iterations: int = 5, zero_safe: bool = False
) -> Tensor:
    """Compute S with S S = ``matrix``: exactly by eigendecomposition, approximately by Newton-Schulz iterations.

    Newton-Schulz uses matrix products only: A = C / tr C is in its region of convergence, and
    S = sqrt(tr C) Y_k. It is not converged after the five iterations that iSQRT-COV and SAN use (small
    eigenvalues come out too small), so trained weights need the method and the number of iterations of
    their training. Gradients are autograd's and equal those of the official hand-written backward pass.

    Args:
        matrix: (..., C, C), symmetric positive semi-definite.
        method: ``newton-schulz`` or ``eigen``.
        iterations: of Newton-Schulz, at least 1; each roughly squares the remaining error.
        zero_safe: Newton-Schulz of a zero matrix is 0/0, NaN, as in the official code. True makes it zero with
            finite gradients and changes no other result. ``eigen`` gives zero either way.

    Returns:
        (..., C, C), of the dtype of ``matrix``; float32 also under autocast.

    Reference: Li et al., iSQRT-COV, CVPR 2018, arXiv:1712.01034; MPN-COV, arXiv:1703.08050, for ``eigen``.
    """
    if is_halved(matrix):
        with torch.autocast(matrix.device.type, enabled=False):
            return matrix_sqrt(widen(matrix), method=method, iterations=iterations, zero_safe=zero_safe)
    if method == "eigen":
        root: Tensor = _EigenSqrt.apply(matrix)  # type: ignore[no-untyped-call]
        return root
    if method != "newton-schulz":
        raise ValueError(f"method must be 'newton-schulz' or 'eigen', got {method!r}")
    if iterations < 1:
        raise ValueError(f"iterations must be at least 1, got {iterations}")
    return _newton_schulz(matrix, iterations, zero_safe=zero_safe)


def _newton_schulz(matrix: Tensor, iterations: int, *, zero_safe: bool) -> Tensor:
    trace = matrix.diagonal(dim1=-2, dim2=-1).sum(dim=-1)[..., None, None]
    if zero_safe:
        trace = torch.where(trace > 0, trace, torch.ones_like(trace))
    three = 3.0 * torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    y = matrix / trace
    step = 0.5 * (three - y)  # Z_0 is the identity, which saves the first products
    y, z = y @ step, step
    for done in range(2, iterations + 1):
        step = 0.5 * (three - z @ y)
        y = y @ step
        if done < iterations:
            z = step @ z
    return y * trace.sqrt()


class _EigenSqrt(torch.autograd.Function):
    """U sqrt(L) U^T, whose gradient solves S X + X S = dS.

    Autograd through ``eigh`` divides by differences of eigenvalues and is NaN where two are equal. This
    divides by sums of their roots; where both are zero, the gradient is set to zero.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        roots = values.clamp(min=0).sqrt()
        ctx.save_for_backward(roots, vectors)
        root: Tensor = (vectors * roots.unsqueeze(-2)) @ vectors.mT
        return root

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        roots, vectors = ctx.saved_tensors
        sums = roots.unsqueeze(-1) + roots.unsqueeze(-2)
        floor = torch.finfo(roots.dtype).eps ** 0.5 * roots.amax(dim=-1)[..., None, None]
        inverse = torch.where(sums > floor, sums.reciprocal(), torch.zeros_like(sums))
        solution: Tensor = vectors @ ((vectors.mT @ gradient @ vectors) * inverse) @ vectors.mT
        return solution
