"""The training loop: one update after the other, from top to bottom, for every kind of training."""

import logging
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

import torch

from kukkiri.devices import resolve_device
from kukkiri.training.divergence import Watch
from kukkiri.training.kinds import set_up
from kukkiri.training.log import Meter, RunLog, TrainingProgress
from kukkiri.training.precision import check_precision
from kukkiri.training.processes import World
from kukkiri.training.recipe import Recipe
from kukkiri.training.run_folder import RunFolder
from kukkiri.training.schedules import learning_rate_at
from kukkiri.training.setup import Setup
from kukkiri.training.state import TrainingState
from kukkiri.training.stopping import StopRequest
from kukkiri.training.updates import add_terms, clip_gradients, seed_step, sum_gradients
from kukkiri.training.validating import validate

__all__ = ["run", "train"]

_log = logging.getLogger(__name__)


def train(
    recipe: Recipe,
    *,
    resume: bool = False,
    stop_at: int | None = None,
    report: Callable[[TrainingProgress], None] | None = None,
) -> Path:
    """Train a network and write ``weights.safetensors`` (the best validated ones) into the recipe's folder.

    In a process that torchrun started, this process computes its part of every update.

    Args:
        recipe: a :class:`Recipe`, or a :class:`MetaRecipe` for meta-learning.
        resume: continue from ``checkpoint.pt`` where there is one. More steps, another learning rate and the like are
            taken over and logged.
        stop_at: write a checkpoint after this many steps and return, as after an interruption.
        report: called with every line of the log, in the first process.

    Returns:
        The weights file. Meta-learning writes ``rates.json`` beside it, the learning rates of the inner steps.

    Raises:
        ConfigError: unknown network or loss, missing data, a checkpoint of another network or data set, a finished or
            unfinished run without ``resume``, or a run that another process trains.
        BackendError: the device is not there, or does not compute in the precision.
        TrainingError: a loss or a weight is not finite, or another process was lost; the last checkpoint is kept.
        KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP came; a checkpoint was written first.
    """
    world = World.from_environment()
    device = resolve_device(recipe.device, local_rank=world.local_rank)
    check_precision(recipe.precision, device=device)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = recipe.tf32
    torch.manual_seed(recipe.seed)
    with RunFolder.opened(recipe, resume=resume, lock=world.is_first) as folder, world.connected(device):
        setup = set_up(recipe, device=device, world=world)
        scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        state = TrainingState(setup.modules, setup.optimizers, scaler, scored_on=setup.scored_on)
        log = RunLog(folder.log, tensorboard=recipe.tensorboard, report=report) if world.is_first else None
        with closing(setup), closing(log) if log else nullcontext():
            if folder.checkpoint.exists():
                state.restore(folder.checkpoint, recipe=recipe, fingerprint=setup.fingerprint)
            else:
                setup.initialize()
                world.broadcast_(state.weights())
                state.begin_averages(recipe.emas)
            if log:
                folder.trim_log(state.step - state.is_due)
                folder.write_recipe(recipe)
            last = recipe.steps if stop_at is None else min(stop_at, recipe.steps)
            run(recipe, setup, state, last=last, folder=folder, log=log, world=world)
    return folder.weights


def run(
    recipe: Recipe,
    setup: Setup,
    state: TrainingState,
    *,
    last: int,
    folder: RunFolder,
    log: RunLog | None = None,
    world: World = World(),  # noqa: B008  # immutable
) -> None:
    """Update the weights until ``last`` steps are done, then write a checkpoint.

    Args:
        recipe: of the run.
        setup: what its kind of training gives to the loop.
        state: initialized, or restored.
        last: steps of the run that are done at the end.
        folder: of the run.
        log: in the first process, which validates and writes; ``None`` in the others.
        world: all processes of the run.

    Raises:
        TrainingError: as :func:`train`.
        KeyboardInterrupt: as :func:`train`.
    """
    is_gpu, float16 = setup.device.type == "cuda", state.scaler.is_enabled()
    watch = Watch(lag=int(is_gpu), tolerated=recipe.skip_non_finite, float16=float16, check=setup.check)
    stop, meter = StopRequest(), Meter()
    for module in state.modules.values():
        module.train()

    def save() -> None:
        watch.read(state, meter, all_of_them=True)
        if log:
            state.save(folder.checkpoint, recipe=recipe, fingerprint=setup.fingerprint)

    def record() -> None:
        watch.read(state, meter, all_of_them=True)
        if log:
            line = meter.line(recipe, state.step, rate=learning_rate_at(recipe, state.step - 1))
            with stop.waiting() if state.is_due else nullcontext():
                log.write(validate(setup, state, line, folder=folder) if state.is_due else line)
        state.is_due = False
        meter.reset()

    with stop.listening():
        try:
            if state.is_due:  # a validation that a signal ended
                record()
            while state.step < last:
                # the learning rates of this step, and its random numbers
                state.begin_step(setup.rates(state.step))
                seed_step(recipe.seed, state.step, world.rank)

                # gradients: part after part of this process's share of the batch, then summed over the processes
                with meter.sampling():
                    parts = setup.parts(state.step)
                values: dict[str, torch.Tensor] = {}
                for part in parts:
                    add_terms(values, setup.step(state, part))
                stopping = sum_gradients(state, values, world=world, stop=bool(stop.number))
                values.update(clip_gradients(state, recipe.clip))

                # the update, unless the loss or the gradient is not finite
                if watch.accepts(state, values, meter):
                    state.apply_gradients()
                    state.update_averages()
                state.scaler.update()
                state.step += 1
                meter.patches += setup.patches(state.step - 1)

                # log, validation, checkpoint
                state.is_due = state.step % recipe.validate_every == 0 or state.step == recipe.steps
                if state.is_due or state.step % recipe.log_every == 0:
                    record()
                if state.step % recipe.checkpoint_every == 0:
                    save()
                if stopping:
                    stop.raise_()
        except KeyboardInterrupt:
            if not stop.forced:
                save()
                _log.warning("interrupted at step %d; --resume goes on from there", state.step)
            raise
    save()
