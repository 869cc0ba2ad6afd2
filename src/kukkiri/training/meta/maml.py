"""MAML: learn an initialization from which a few steps of gradient descent solve a new task. Any module, any task.

A task has two losses: `support`, which the inner loop minimizes, and `query`, which is that of the adapted parameters.
With theta_0 the parameters of the module, theta_j = theta_(j-1) - a_j grad support(theta_(j-1)), the
meta-loss of a task is sum_j w_j query(theta_j), and `meta_gradients` is its exact gradient in theta_0 and,
where every parameter and step has a rate a_j of its own (MAML++'s LSLR), in the rates.

Finn et al., "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", ICML 2017,
arXiv:1703.03400; Antoniou et al., "How to train your MAML", ICLR 2019, arXiv:1810.09502 (MAML++).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, func, nn

from kukkiri.training.meta.step_weights import last_step_weights

__all__ = [
    "InnerLoop",
    "MetaGradients",
    "Task",
    "adapt_parameters",
    "iterate_inner_loop",
    "meta_gradients",
    "meta_step",
]

Parameters = dict[str, Tensor]


class Task(Protocol):
    """Two losses of a model; ``model(...)`` calls the module with the current parameters.

    Both return a tensor with one element, have no side effects, and take random numbers, if any, only from
    torch's generator of the CPU (which `InnerLoop.checkpoint` replays).
    """

    def support(self, model: Callable[..., Any], /) -> Tensor:
        """Compute the loss that the inner loop minimizes."""
        ...

    def query(self, model: Callable[..., Any], /) -> Tensor:
        """Compute the loss of the adapted model."""
        ...


@dataclass(frozen=True, kw_only=True)
class InnerLoop:
    """Plain gradient descent on the support loss."""

    steps: int = 5
    """At least 1."""
    learning_rate: float | tuple[float, ...] | Mapping[str, Sequence[float]] = 0.01
    """One for all steps, one for each step, or for every parameter by name one for each step."""
    order: Literal[1, 2] = 2
    """2: differentiate through the inner gradients. 1: treat them as constants (first-order MAML)."""
    checkpoint: bool = False
    """Keep only the parameters after each step and recompute every step in the backward pass: the same
    gradients, the memory of one step instead of all, one more inner gradient per step."""

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        if self.order not in (1, 2):
            raise ValueError(f"order must be 1 or 2, got {self.order}")
        named = self.learning_rate if isinstance(self.learning_rate, Mapping) else {"": self.learning_rate}
        for rates in named.values():
            if not isinstance(rates, float | int) and len(rates) != self.steps:
                raise ValueError(f"{len(rates)} learning rates for {self.steps} steps")

    def rates(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return the learning rates of every parameter that the inner loop updates, (steps,) each, in its dtype.

        A parameter whose rates are all 0 is left out: its gradient need not be computed.

        Raises:
            ValueError: the rates are given by name, and a parameter has none.
        """
        named = self.learning_rate
        if isinstance(named, Mapping):
            missing = [name for name in parameters if name not in named]
            if missing:
                raise ValueError(f"no learning rates for {', '.join(missing)}")
            by_name = {name: tuple(named[name]) for name in parameters}
        else:
            by_name = dict.fromkeys(parameters, named if isinstance(named, tuple) else (named,) * self.steps)
        return {name: parameters[name].new_tensor(rates) for name, rates in by_name.items() if any(rates)}


@dataclass(frozen=True)
class MetaGradients:
    """The meta-loss of a batch of tasks and its gradients, means over the tasks."""

    loss: float
    """The meta-loss: the weighted sum of the query losses after the steps."""
    last: float
    """The query loss after the last step."""
    gradients: dict[str, Tensor]
    """Of the meta-loss, with respect to every parameter that requires a gradient."""
    rates: dict[str, Tensor]
    """Of the meta-loss, with respect to the learning rates: (steps,) for every parameter that the inner loop updates;
    empty without ``learn_rates``."""
    first: float = float("nan")
    """The query loss after the first step; NaN where its weight is 0."""


def adapt_parameters(module: nn.Module, task: Task, *, inner: InnerLoop) -> dict[str, Tensor]:
    """Return the parameters after the inner loop, detached; the module itself does not change.

    Use them with ``torch.func.functional_call(module, parameters, inputs)``.
    """
    *_, last = iterate_inner_loop(module, task, inner=inner)
    return last


def iterate_inner_loop(module: nn.Module, task: Task, *, inner: InnerLoop) -> Iterator[dict[str, Tensor]]:
    """Yield the parameters before the inner loop and after each of its steps; see :func:`adapt_parameters`."""
    parameters = _trainable(module)
    rates = inner.rates(parameters)
    yield parameters
    for step in range(inner.steps):
        with _constant_buffers(module):
            parameters = _descend(module, task, parameters, _at(rates, step), order=1)
        yield parameters


def meta_gradients(
    module: nn.Module,
    tasks: Sequence[Task],
    *,
    inner: InnerLoop,
    weights: Sequence[float] | None = None,
    learn_rates: bool = False,
) -> MetaGradients:
    """Compute the gradient of the mean meta-loss, one task after the other (memory of one), in a fixed order.

    Args:
        module: parameters that require no gradient, and buffers, are constants.
        tasks: at least one.
        inner: the inner loop.
        weights: of the query losses after step 1, 2, ...; none negative, the last positive. None: `last_step_weights`.
        learn_rates: also compute the gradient with respect to the learning rates.

    Raises:
        ValueError: no task, weights that do not fit, no parameter to train, or a module that replaces its buffers
            (batch normalization in training mode).
        RuntimeError: of torch: a module that writes into its buffers.
    """
    weights = last_step_weights(inner.steps) if weights is None else tuple(weights)
    if len(weights) != inner.steps or min(weights) < 0 or weights[-1] <= 0:
        raise ValueError(f"expected {inner.steps} weights, none negative and the last positive, got {weights}")
    if not tasks:
        raise ValueError("no task to learn from")
    initial = _trainable(module)
    compute = _task_gradients_checkpointed if inner.checkpoint else _task_gradients
    rates = inner.rates(initial)
    total = {name: torch.zeros_like(value) for name, value in initial.items()}
    rates_total = {name: torch.zeros_like(value) for name, value in rates.items()} if learn_rates else {}
    loss, first, last = 0.0, 0.0, 0.0
    for task in tasks:
        with _constant_buffers(module):
            gradients, rates_gradients, losses = compute(module, task, initial, rates, inner, weights, learn_rates)
        loss += sum(w * float(value) for w, value in zip(weights, losses, strict=True) if w) / len(tasks)
        first, last = first + float(losses[0]) / len(tasks), last + float(losses[-1]) / len(tasks)
        for sums, terms in ((total, gradients), (rates_total, rates_gradients)):
            for name, term in terms.items():
                sums[name] += term / len(tasks)
    return MetaGradients(loss=loss, last=last, gradients=total, rates=rates_total, first=first)


def meta_step(
    module: nn.Module,
    tasks: Sequence[Task],
    *,
    optimizer: torch.optim.Optimizer,
    inner: InnerLoop,
    weights: Sequence[float] | None = None,
) -> MetaGradients:
    """Compute `meta_gradients`, store them as the parameters' ``grad``, and take a step of the optimizer."""
    found = meta_gradients(module, tasks, inner=inner, weights=weights)
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            parameter.grad = found.gradients[name]
    optimizer.step()
    return found


def _task_gradients(
    module: nn.Module,
    task: Task,
    initial: Parameters,
    rates: Parameters,
    inner: InnerLoop,
    weights: Sequence[float],
    learn_rates: bool,
) -> tuple[Parameters, Parameters, list[Tensor]]:
    """Compute the gradients of one task by one backward pass through the whole inner loop.

    Returns:
        The gradients with respect to the parameters, those with respect to the rates, and the query losses.
    """

    def meta_loss(parameters: Parameters, rates: Parameters) -> tuple[Tensor, list[Tensor]]:
        terms, losses = [], []
        for step, weight in enumerate(weights):
            parameters = _descend(module, task, parameters, _at(rates, step), order=inner.order)
            # a query of weight 0 is not evaluated; its entry keeps the list aligned
            loss = task.query(_bound(module, parameters)).reshape(()) if weight else torch.tensor(torch.nan)
            losses.append(loss)
            if weight:
                terms.append(weight * loss)
        return torch.stack(terms).sum(), losses

    if learn_rates:
        (gradients, rates_gradients), losses = func.grad(meta_loss, argnums=(0, 1), has_aux=True)(initial, rates)
        return gradients, rates_gradients, losses
    gradients, losses = func.grad(meta_loss, has_aux=True)(initial, rates)
    return gradients, {}, losses


def _task_gradients_checkpointed(
    module: nn.Module,
    task: Task,
    initial: Parameters,
    rates: Parameters,
    inner: InnerLoop,
    weights: Sequence[float],
    learn_rates: bool,
) -> tuple[Parameters, Parameters, list[Tensor]]:
    """Compute the same gradients step by step, from the last to the first, from the parameters kept after each step.

    The adjoint of a step is lambda - a H lambda with the Hessian H of the support loss (order 1: lambda), that of
    its rate -<lambda, support gradient>, and every query loss adds its gradient after its step.
    ``torch.utils.checkpoint`` cannot be used: its saved-tensor hooks are not allowed inside torch.func's transforms.
    """
    kept, states, query_gradients, losses = [initial], [], [], []
    for step, weight in enumerate(weights):
        states.append(torch.get_rng_state())
        kept.append(_descend(module, task, kept[-1], _at(rates, step), order=1))
        gradient, loss = _query_gradient(module, task, kept[-1]) if weight else (None, torch.tensor(torch.nan))
        query_gradients.append(gradient)
        losses.append(loss)
    after = torch.get_rng_state()
    adjoint = {name: torch.zeros_like(value) for name, value in initial.items()}
    rates_gradients = {name: torch.zeros_like(value) for name, value in rates.items()}
    for j in reversed(range(inner.steps)):
        gradient = query_gradients[j]
        if gradient is not None:
            adjoint = {name: value + weights[j] * gradient[name] for name, value in adjoint.items()}
        if inner.order == 2 or learn_rates:
            torch.set_rng_state(states[j])
            adjoint, rate_adjoint = _pull_back(module, task, kept[j], _at(rates, j), adjoint, order=inner.order)
            for name, value in rate_adjoint.items():
                rates_gradients[name][j] = value
    torch.set_rng_state(after)
    return adjoint, rates_gradients if learn_rates else {}, losses


def _pull_back(
    module: nn.Module, task: Task, parameters: Parameters, rates: Parameters, adjoint: Parameters, *, order: int
) -> tuple[Parameters, Parameters]:
    """Compute the adjoint before a step, and that of its rates, from the adjoint after it."""
    pull_back = func.vjp(lambda p, r: _descend(module, task, p, r, order=order), parameters, rates)[1]
    return pull_back(adjoint)  # type: ignore[no-any-return]


def _query_gradient(module: nn.Module, task: Task, parameters: Parameters) -> tuple[Parameters, Tensor]:
    return func.grad_and_value(lambda p: task.query(_bound(module, p)).reshape(()))(parameters)


def _descend(module: nn.Module, task: Task, parameters: Parameters, rates: Parameters, *, order: int) -> Parameters:
    """Take one step of gradient descent on the support loss."""
    at = parameters if order == 2 else {name: value.detach() for name, value in parameters.items()}
    updated = {name: at[name] for name in rates}
    gradients = func.grad(lambda p: task.support(_bound(module, {**at, **p})).reshape(()))(updated)
    return {**parameters, **{name: parameters[name] - rate * gradients[name] for name, rate in rates.items()}}


def _at(rates: Parameters, step: int) -> Parameters:
    return {name: values[step] for name, values in rates.items()}


def _bound(module: nn.Module, parameters: Parameters) -> Callable[..., Any]:
    return lambda *inputs, **named: func.functional_call(module, parameters, inputs, named)


def _trainable(module: nn.Module) -> Parameters:
    found = {name: value.detach() for name, value in module.named_parameters() if value.requires_grad}
    if not found:
        raise ValueError("the module has no parameter that requires a gradient")
    return found


@contextmanager
def _constant_buffers(module: nn.Module) -> Iterator[None]:
    """Refuse a module that changes its buffers: every evaluation of a loss would, in an arbitrary order."""
    for name, part in module.named_modules():
        if part.training and getattr(part, "track_running_stats", False):
            raise ValueError(
                f"{name or 'the module'} ({type(part).__name__}) updates running statistics in training mode, which an "
                "inner loop cannot. Put it in eval mode, or build it with track_running_stats=False: then every "
                "batch is normalized by its own statistics, as in MAML's own experiments."
            )
    before = dict(module.named_buffers())
    yield
    for name, buffer in module.named_buffers():
        if buffer is not before.get(name, buffer):
            owner, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(owner), leaf, before[name])
            raise ValueError(f"the forward pass replaces the buffer {name}, which an inner loop cannot; use eval mode")
