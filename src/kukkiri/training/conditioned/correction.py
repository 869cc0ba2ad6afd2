"""Training of IKC's estimators: a predictor of the kernel's code from LR, and a corrector from the image made with it.

Gu et al., "Blind Super-Resolution With Iterative Kernel Correction", CVPR 2019, arXiv:1904.03377, section 3.3. The
network is trained before, by a recipe of the kind ``conditioned``, and does not change here: the paper's SFTMD, whose
code is the kernel's principal components, or ModulatedPlain, whose code is its covariance.
Differs from the authors' code: the losses of all corrections are one update, not one update each.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import save
from torch import Tensor, nn

from kukkiri.checkpoints import read_safetensors, save_safetensors
from kukkiri.errors import ConfigError, ModelError
from kukkiri.files import write_atomically
from kukkiri.info import Condition, ModelInfo
from kukkiri.losses import LOSSES
from kukkiri.networks import IKCCorrector, IKCPredictor, ModulatedPlain, Network
from kukkiri.networks.state_shapes import load_fitting
from kukkiri.training.conditioned.forms import check_network, complete_condition, fingerprint_of, make_conditions
from kukkiri.training.conditioned.patches import make_patches
from kukkiri.training.conditioned.recipe import ConditionedRecipe
from kukkiri.training.conditioned.steps import ConditionedPart, make_cutter, split_patches
from kukkiri.training.conditioned.validation import ConditionedValidation
from kukkiri.training.precision import autocast
from kukkiri.training.processes import World
from kukkiri.training.schedules import is_final, learning_rate_at, sizes_at
from kukkiri.training.setup import Part, Score, Setup
from kukkiri.training.state import Average, TrainingState
from kukkiri.training.supervised import backpropagate, check_shares, describe_trained, make_network, make_optimizer

__all__ = ["CorrectionRecipe", "Estimators", "correction_step", "set_up_correction"]


@dataclass(frozen=True, kw_only=True)
class CorrectionRecipe(ConditionedRecipe):
    """A run for IKC's predictor and corrector, whose TOML file says ``kind = "correction"``.

    ``weights`` are those of the trained SFTMD or ModulatedPlain (or of a ContextPlain, for a ModulatedPlain that
    computes the same), with ``initialization = "transfer"``; ``loss`` is between codes. Beside ``weights.safetensors``,
    a copy of the network, the run leaves ``predictor.safetensors`` and ``corrector.safetensors``.
    """

    fixed_fields: ClassVar[tuple[str, ...]] = (*ConditionedRecipe.fixed_fields, "estimator_width")

    loss: str = "mse"
    """Of the codes, a key of ``kukkiri.losses.LOSSES``."""
    corrections: int = 7
    """Corrections of each prediction."""
    estimator_width: int = 64
    """Features of the predictor and the corrector."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in ("l1", "mse"):
            raise ConfigError(f"loss of codes must be 'l1' or 'mse', got {self.loss!r}.")
        if self.corrections < 1 or self.estimator_width < 1:
            raise ConfigError(
                f"corrections and estimator_width must be at least 1, got {self.corrections}, {self.estimator_width}."
            )
        if self.network not in ("sftmd", "modulatedplain") or not self.weights:
            raise ConfigError(
                "kind = 'correction' needs network = 'sftmd' or 'modulatedplain' with initialization = 'transfer' and "
                f"weights = FILE, those of one trained before; got {self.network!r} and {self.weights!r}."
            )


class Estimators(nn.Module):
    """The predictor and the corrector, which are trained together."""

    def __init__(self, *, code: int, width: int) -> None:
        super().__init__()
        self.predictor = IKCPredictor(code=code, width=width)
        self.corrector = IKCCorrector(code=code, width=width)


class _Loop(Network):
    """The network with the codes of the estimators: one of LR alone, for the validation."""

    def __init__(self, network: Network, estimators: Estimators, *, corrections: int) -> None:
        super().__init__()
        self.network, self.estimators, self.corrections = network, estimators, corrections
        self.scale, self.colour = network.scale, network.colour
        self.receptive_field = None

    def forward(self, lr: Tensor) -> Tensor:
        """Predict, upscale, correct, upscale, and so on."""
        code = self.estimators.predictor(lr)
        for _ in range(self.corrections):
            code = self.estimators.corrector(self.network(lr, code).clamp(0, 1), code)
        sr: Tensor = self.network(lr, code)
        return sr


def set_up_correction(recipe: CorrectionRecipe, *, device: torch.device, world: World) -> Setup:
    """Load the network, make the estimators, and read the images; see :class:`kukkiri.training.setup.Setup`.

    Raises:
        ConfigError: weights that are not those of this network, or missing data.
    """
    check_shares(recipe, world)
    network, condition, sha256 = _load_network(recipe, device=device)
    estimators = Estimators(code=condition.length, width=recipe.estimator_width).to(device)
    validation = ConditionedValidation.from_recipe(recipe) if world.is_first and recipe.validation else None
    cut, fingerprint = make_cutter(recipe, network, device=device, world=world)
    return Setup(
        device=device,
        modules={"network": estimators},
        optimizers={"network": make_optimizer(recipe, estimators)},
        rates=lambda step: {"network": learning_rate_at(recipe, step)},
        parts=partial(_make_parts, recipe, network, cut, condition, device=device, world=world),
        step=partial(correction_step, recipe, network, estimators),
        initialize=lambda: None,
        validate=partial(_validate, recipe, network, validation, condition, device=device),
        patches=lambda step: sizes_at(recipe, step)[1],
        fingerprint=f"{fingerprint}-{fingerprint_of(condition)}-{sha256[:8]}",
        scored_on=validation.fingerprint() if validation else "",
    )


def correction_step(
    recipe: CorrectionRecipe, network: Network, estimators: Estimators, state: TrainingState, part: Part
) -> dict[str, Tensor]:
    """Add the gradients of the predicted and the corrected codes; see :attr:`kukkiri.training.setup.Setup.step`.

    The loss is that of the prediction plus the mean of those of the corrections. A correction begins at the code of the
    one before as a constant, so that its gradient is that of this correction alone.

    Args:
        recipe: of the run.
        network: not changed.
        estimators: whose gradients are computed.
        state: read for its step and its scaler.
        part: patches with their true codes.
    """
    data: ConditionedPart = part.data
    (target,) = data.conditions
    measure = LOSSES[str(recipe.loss)]
    with autocast("float32" if is_final(recipe, state.step) else recipe.precision, device=data.lr.device):
        code = estimators.predictor(data.lr).float()
        predicted = measure(code, target)
        corrected = []
        for _ in range(recipe.corrections):
            with torch.no_grad():
                sr = network(data.lr, code.detach()).float().clamp(0, 1)
            code = estimators.corrector(sr, code.detach()).float()
            corrected.append(measure(code, target))
    mean = torch.stack(corrected).mean()
    loss = backpropagate(state, predicted + mean, share=part.share)
    terms = {"predicted": predicted, "corrected": mean, "last": corrected[-1]}
    return {"loss": loss, **{name: value.detach() * part.share for name, value in terms.items()}}


def _load_network(recipe: CorrectionRecipe, *, device: torch.device) -> tuple[Network, Condition, str]:
    """Load the network with the condition that it was trained with, and the checksum of its weights."""
    network = make_network(recipe, device=device, conditioned=True)
    check_network(network, recipe)
    if network.channels != 3:
        raise ConfigError(f"{recipe.network}: the predictor looks at RGB. Set colour = 'rgb' in arguments.")
    path = recipe.weights_file
    try:
        info, state = read_safetensors(path)
        if isinstance(network, ModulatedPlain) and info is not None and info.network == "contextplain":
            network.begin_as_context(state)
        else:
            load_fitting(network, state)
    except ModelError as error:
        reason = str(error).rstrip(".")
        raise ConfigError(
            f"{path}: not the weights of {recipe.network} with these arguments ({reason}). Name weights.safetensors of "
            "a run whose recipe has the same arguments."
        ) from error
    known = info.condition if info is not None else None
    condition = known if known is not None and known.basis else complete_condition(network, recipe)
    if condition is None or condition.noise:
        raise ConfigError(
            f"{recipe.network} with these arguments is conditioned on the noise, which is not estimated here. Set "
            "noise = false in arguments, and name weights that were trained so."
        )
    return network.eval().requires_grad_(False), condition, info.sha256 if info else ""


def _make_parts(
    recipe: CorrectionRecipe,
    network: Network,
    cut: Callable[[int, int, int], Tensor],
    condition: Condition,
    step: int,
    *,
    device: torch.device,
    world: World,
) -> list[Part]:
    patches = make_patches(recipe, cut, step=step, world=world)
    codes = make_conditions(network, patches.drawn, condition=condition, device=device)
    return split_patches(patches, codes, count=recipe.accumulate, total=sizes_at(recipe, step)[1])


def _validate(
    recipe: CorrectionRecipe,
    network: Network,
    validation: ConditionedValidation | None,
    condition: Condition,
    average: Average,
    *,
    device: torch.device,
) -> Score:
    """Score averaged estimators by the images that the network makes with their last codes."""
    estimators = Estimators(code=condition.length, width=recipe.estimator_width).to(device).eval()
    estimators.load_state_dict(average["network"])
    loop = _Loop(network, estimators, corrections=recipe.corrections)
    psnr, scores = validation.psnr(loop, condition=None) if validation else (None, {})
    _, info = describe_trained(recipe, network, training_data="see the recipe of the network")
    return Score(
        psnr=psnr,
        write=partial(_write, network, estimators, dataclasses.replace(info, condition=condition)),
        scores=scores if len(scores) > 1 else {},
    )


def _write(network: Network, estimators: Estimators, info: ModelInfo, path: Path) -> None:
    save_safetensors(network, path, info=info, overwrite=True)
    for name in ("predictor", "corrector"):
        state = {key: value.detach().cpu() for key, value in estimators.get_submodule(name).state_dict().items()}
        write_atomically(path.with_name(f"{name}.safetensors"), save(state), overwrite=True)
