"""MAML: learn a start from which a few steps of gradient descent solve a new task. Any module, any task.

A task has two losses: `support`, which the inner loop descends, and `query`, which judges the result.
With theta_0 the parameters of the module, theta_j = theta_(j-1) - a_j grad support(theta_(j-1)), the
meta-loss of a task is sum_j w_j query(theta_j), and `meta_gradients` is its exact gradient in theta_0.

Finn et al., "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", ICML 2017,
arXiv:1703.03400; Antoniou et al., "How to train your MAML", ICLR 2019, arXiv:1810.09502 (MAML++).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, func, nn

from kukkiri.training.step_weights import last_step_weights

__all__ = [
    "InnerLoop",
    "MetaGradients",
    "Task",
    "adapted_parameters",
    "meta_gradients",
    "meta_step",
]

Parameters = dict[str, Tensor]


class Task(Protocol):
    """Two losses of a model; ``model(...)`` calls the module with the parameters of the moment.

    Both return a tensor with one element, change nothing, and draw random numbers, if any, only from
    torch's generator of the CPU (which `InnerLoop.checkpoint` replays).
    """

    def support(self, model: Callable[..., Any], /) -> Tensor:
        """The loss that the inner loop descends."""
        ...

    def query(self, model: Callable[..., Any], /) -> Tensor:
        """The loss that judges the adapted model."""
        ...


@dataclass(frozen=True, kw_only=True)
class InnerLoop:
    """Plain gradient descent on the support loss."""

    steps: int = 5
    """At least 1."""
    learning_rate: float | tuple[float, ...] = 0.01
    """One for all steps, or one for each."""
    order: Literal[1, 2] = 2
    """2: differentiate through the inner gradients. 1: take them for constants (first-order MAML)."""
    checkpoint: bool = False
    """Keep only the parameters after each step and compute every step again on the way back: the same
    gradients, the memory of one step instead of all, one more inner gradient per step."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        if self.order not in (1, 2):
            raise ValueError(f"order must be 1 or 2, got {self.order}")
        if len(self.learning_rates) != self.steps:
            raise ValueError(f"{len(self.learning_rates)} learning rates for {self.steps} steps")

    @property
    def learning_rates(self) -> tuple[float, ...]:
        """One for each step."""
        if isinstance(self.learning_rate, tuple):
            return self.learning_rate
        return (self.learning_rate,) * self.steps


@dataclass(frozen=True)
class MetaGradients:
    """What one batch of tasks says, means over the tasks."""

    loss: float
    """The meta-loss: query losses after the steps, weighted and added."""
    last: float
    """The query loss after the last step."""
    gradients: dict[str, Tensor]
    """Of the meta-loss, for every parameter that requires a gradient."""


def adapted_parameters(module: nn.Module, task: Task, *, inner: InnerLoop) -> dict[str, Tensor]:
    """The parameters after the inner loop, detached; the module itself stays as it is.

    Use them with ``torch.func.functional_call(module, parameters, inputs)``.
    """
    parameters = _trainable(module)
    with _constant_buffers(module):
        for learning_rate in inner.learning_rates:
            parameters = _descend(module, task, parameters, learning_rate, order=1)
    return parameters


def meta_gradients(
    module: nn.Module, tasks: Sequence[Task], *, inner: InnerLoop, weights: Sequence[float] | None = None
) -> MetaGradients:
    """The gradient of the mean meta-loss, one task after the other (memory of one), in a fixed order.

    Args:
        module: parameters that require no gradient, and buffers, are constants.
        tasks: at least one.
        inner: the inner loop.
        weights: of the query losses after step 1, 2, ...; none negative, the last positive. None: `last_step_weights`.

    Raises:
        ValueError: no task, weights that do not fit, no parameter to train, or a module that replaces its buffers
            (batch normalisation in training mode). One that writes into them: torch's RuntimeError.
    """
    weights = last_step_weights(inner.steps) if weights is None else tuple(weights)
    if len(weights) != inner.steps or min(weights) < 0 or weights[-1] <= 0:
        raise ValueError(f"expected {inner.steps} weights, none negative and the last positive, got {weights}")
    if not tasks:
        raise ValueError("no task to learn from")
    start = _trainable(module)
    of_one_task = _recomputed if inner.checkpoint else _through
    loss, last, total = 0.0, 0.0, {name: torch.zeros_like(value) for name, value in start.items()}
    for task in tasks:
        with _constant_buffers(module):
            gradients, losses = of_one_task(module, task, start, inner, weights)
        loss += sum(w * float(value) for w, value in zip(weights, losses, strict=True) if w) / len(tasks)
        last += float(losses[-1]) / len(tasks)
        for name, gradient in gradients.items():
            total[name] += gradient / len(tasks)
    return MetaGradients(loss=loss, last=last, gradients=total)


def meta_step(
    module: nn.Module,
    tasks: Sequence[Task],
    *,
    optimizer: torch.optim.Optimizer,
    inner: InnerLoop,
    weights: Sequence[float] | None = None,
) -> MetaGradients:
    """Compute `meta_gradients`, replace the parameters' ``grad`` by them, and let the optimizer take a step."""
    found = meta_gradients(module, tasks, inner=inner, weights=weights)
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            parameter.grad = found.gradients[name]
    optimizer.step()
    return found


def _through(
    module: nn.Module, task: Task, start: Parameters, inner: InnerLoop, weights: Sequence[float]
) -> tuple[Parameters, list[Tensor]]:
    """Gradients by one backward pass through the whole inner loop."""

    def meta_loss(parameters: Parameters) -> tuple[Tensor, list[Tensor]]:
        terms, losses = [], []
        for learning_rate, weight in zip(inner.learning_rates, weights, strict=True):
            parameters = _descend(module, task, parameters, learning_rate, order=inner.order)
            # A query that does not count is not evaluated; its place keeps the list aligned.
            loss = task.query(_bound(module, parameters)).reshape(()) if weight else torch.tensor(torch.nan)
            losses.append(loss)
            if weight:
                terms.append(weight * loss)
        return torch.stack(terms).sum(), losses

    return func.grad(meta_loss, has_aux=True)(start)  # type: ignore[no-any-return]


def _recomputed(
    module: nn.Module, task: Task, start: Parameters, inner: InnerLoop, weights: Sequence[float]
) -> tuple[Parameters, list[Tensor]]:
    """The same gradients, step by step from the last to the first, from the parameters kept after each.

    The adjoint of a step is lambda - a H lambda with the Hessian H of the support loss (order 1: lambda), and
    every query loss adds its gradient where it was taken. ``torch.utils.checkpoint`` cannot do this: its
    saved-tensor hooks are refused inside torch.func's transforms.
    """
    kept, states, query_gradients, losses = [start], [], [], []
    for learning_rate, weight in zip(inner.learning_rates, weights, strict=True):
        states.append(torch.get_rng_state())
        kept.append(_descend(module, task, kept[-1], learning_rate, order=1))
        gradient, loss = _query_gradient(module, task, kept[-1]) if weight else (None, torch.tensor(torch.nan))
        query_gradients.append(gradient)
        losses.append(loss)
    after = torch.get_rng_state()
    adjoint = {name: torch.zeros_like(value) for name, value in start.items()}
    for j in reversed(range(inner.steps)):
        gradient = query_gradients[j]
        if gradient is not None:
            adjoint = {name: value + weights[j] * gradient[name] for name, value in adjoint.items()}
        if inner.order == 2:
            torch.set_rng_state(states[j])
            adjoint = _pull_back(module, task, kept[j], inner.learning_rates[j], adjoint)
    torch.set_rng_state(after)
    return adjoint, losses


def _pull_back(
    module: nn.Module, task: Task, parameters: Parameters, learning_rate: float, adjoint: Parameters
) -> Parameters:
    """The adjoint before a step from the adjoint after it."""
    pulled = func.vjp(lambda p: _descend(module, task, p, learning_rate, order=2), parameters)
    return pulled[1](adjoint)[0]  # type: ignore[no-any-return]


def _query_gradient(module: nn.Module, task: Task, parameters: Parameters) -> tuple[Parameters, Tensor]:
    return func.grad_and_value(lambda p: task.query(_bound(module, p)).reshape(()))(parameters)


def _descend(module: nn.Module, task: Task, parameters: Parameters, learning_rate: float, *, order: int) -> Parameters:
    """One step of gradient descent on the support loss."""
    at = parameters if order == 2 else {name: value.detach() for name, value in parameters.items()}
    gradients = func.grad(lambda p: task.support(_bound(module, p)).reshape(()))(at)
    return {name: value - learning_rate * gradients[name] for name, value in parameters.items()}


def _bound(module: nn.Module, parameters: Parameters) -> Callable[..., Any]:
    return lambda *inputs, **named: func.functional_call(module, parameters, inputs, named)


def _trainable(module: nn.Module) -> Parameters:
    found = {name: value.detach() for name, value in module.named_parameters() if value.requires_grad}
    if not found:
        raise ValueError("the module has no parameter that requires a gradient")
    return found


@contextmanager
def _constant_buffers(module: nn.Module) -> Iterator[None]:
    """Refuse a module that changes its buffers: every loss would, in an order that means nothing."""
    for name, part in module.named_modules():
        if part.training and getattr(part, "track_running_stats", False):
            raise ValueError(
                f"{name or 'the module'} ({type(part).__name__}) updates running statistics in training mode, which an "
                "inner loop cannot. Put it in eval mode, or build it with track_running_stats=False: then every "
                "batch is normalised by its own statistics, as in MAML's own experiments."
            )
    before = dict(module.named_buffers())
    yield
    for name, buffer in module.named_buffers():
        if buffer is not before.get(name, buffer):
            owner, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(owner), leaf, before[name])
            raise ValueError(f"the forward pass replaces the buffer {name}, which an inner loop cannot; use eval mode")
