"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner.

Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam", ICLR 2025, arXiv:2409.11321, Algorithm 3.
A small network on images is badly conditioned: neighbouring pixels are almost equal, so fine detail has a
hundredth of the gradient of flat grey. Rotated into the eigenbasis of the gradients' covariance, Adam gives every
direction its own step size. Differs from the paper: the first eigenbasis is an exact decomposition of the
first gradient's covariance, and a vector is a matrix of one column whose side of length 1 is not rotated.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

__all__ = ["SOAP"]


class SOAP(torch.optim.Optimizer):
    """Adam in the eigenbasis of the gradients' covariance, for weights of up to a few thousand rows and columns."""

    def __init__(
        self,
        params: ParamsT,
        *,
        lr: float,
        betas: tuple[float, float] = (0.95, 0.95),
        eps: float = 1e-8,
        refresh: int = 10,
    ) -> None:
        """Set the options, which are named as in :class:`torch.optim.Adam`.

        Args:
            params: weights (flattened from dimension 1 on) and biases.
            lr: learning rate.
            betas: decay of the averages of the gradient, and of its square and of the covariances.
            eps: added to the root of the second moment.
            refresh: steps between two updates of the eigenbasis (one QR iteration each).
        """
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "refresh": refresh})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update all weights; the first call moves nothing, it only initializes the covariances."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)
        return loss

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        if parameter.grad is None:
            return
        gradient = parameter.grad.flatten(1) if parameter.dim() > 1 else parameter.grad[:, None]
        state = self.state[parameter]
        beta1, beta2 = group["betas"]
        if not state:
            self._initialize(state, gradient, beta2)
            return
        state["step"] += 1
        step = state["step"]
        state["rows"].lerp_(gradient @ gradient.T, 1 - beta2)
        state["columns"].lerp_(gradient.T @ gradient, 1 - beta2)
        rotated = state["row_basis"].T @ gradient @ state["column_basis"]
        state["mean"].lerp_(gradient, 1 - beta1)
        state["square"].lerp_(rotated * rotated, 1 - beta2)
        mean = state["row_basis"].T @ state["mean"] @ state["column_basis"] / (1 - beta1**step)
        root = (state["square"] / (1 - beta2**step)).sqrt_().add_(group["eps"])
        update = state["row_basis"] @ (mean / root) @ state["column_basis"].T
        parameter.add_(update.view_as(parameter), alpha=-group["lr"])
        if step % group["refresh"] == 0:
            for side in ("row", "column"):
                state[f"{side}_basis"] = _orthonormalize(state[f"{side}s"] @ state[f"{side}_basis"])

    @staticmethod
    def _initialize(state: dict[str, Any], gradient: Tensor, beta2: float) -> None:
        rows, columns = gradient @ gradient.T, gradient.T @ gradient
        state.update(
            step=0,
            rows=rows * (1 - beta2),
            columns=columns * (1 - beta2),
            mean=torch.zeros_like(gradient),
            square=torch.zeros_like(gradient),
            row_basis=_eigenbasis(rows),
            column_basis=_eigenbasis(columns),
        )


def _eigenbasis(covariance: Tensor) -> Tensor:
    """Return the eigenvectors, computed in float64: LAPACK in float32 may fail or give NaN for a matrix of low rank."""
    basis: Tensor = torch.linalg.eigh(_decomposable(covariance).double())[1]
    return basis.to(covariance)


def _orthonormalize(matrix: Tensor) -> Tensor:
    """Return an orthonormal basis of the columns, in order."""
    basis: Tensor = torch.linalg.qr(_decomposable(matrix))[0]
    return basis.to(matrix)


def _decomposable(matrix: Tensor) -> Tensor:
    """Move a matrix to the CPU from a device without decompositions and float64, such as Apple's GPUs."""
    return matrix if matrix.device.type in ("cpu", "cuda") else matrix.cpu()
