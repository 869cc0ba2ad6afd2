"""The text form of a degradation: steps in their order, joined by ``+``.

::

    degradation = preset | step { "+" step }
    preset      = "bicubic" | "bd" | "dn"
    step        = name [ ":" argument { "," argument } ]
    argument    = number | word | key "=" value

Paths keep their letters, digits and ``/ \\ : . ~ - _`` and blanks; other characters are percent-encoded
when written (``+`` is ``%2B``), and may be when read. docs/reference/degradations.md lists the steps.
"""

from kukkiri.degradations.arguments import Arguments
from kukkiri.degradations.step import Step
from kukkiri.degradations.steps import STEPS
from kukkiri.degradations.steps.blurs import GaussianSigmaBlur
from kukkiri.degradations.steps.noise import Noise
from kukkiri.degradations.steps.rounding import Round
from kukkiri.degradations.steps.subsampling import Imresize
from kukkiri.errors import ConfigError, did_you_mean

__all__ = ["PRESETS", "parse_steps", "write_steps"]

PRESETS: dict[str, tuple[Step, ...]] = {
    "bicubic": (Imresize("bicubic"),),
    "bd": (GaussianSigmaBlur(1.6, size=7, border="replicate"), Round(), Imresize("nearest")),
    "dn": (Imresize("bicubic"), Round(), Noise(30 / 255)),
}
"""The degradations that the literature calls BI, BD (meant for scale 3) and DN."""


def parse_steps(text: str) -> tuple[Step, ...]:
    """The steps of a text form.

    Raises:
        ConfigError: the text is not one.
    """
    if text.strip() in PRESETS:
        return PRESETS[text.strip()]
    return tuple(_parse_step(part.strip()) for part in text.split("+"))


def write_steps(steps: tuple[Step, ...]) -> str:
    """The text form of steps; a preset is called by its name."""
    for name, preset in PRESETS.items():
        if steps == preset:
            return name
    return "+".join(map(str, steps))


def _parse_step(text: str) -> Step:
    name = text.partition(":")[0]
    kind = STEPS.get(name)
    if kind is None:
        if name in PRESETS:
            raise ConfigError(f"{name!r} is a whole degradation, so it stands alone, not with other steps.")
        raise ConfigError(f"unknown degradation step {name!r}{did_you_mean(name, dict.fromkeys((*PRESETS, *STEPS)))}")
    arguments = Arguments(text, usage=kind.usage)
    step = kind.parse(arguments)
    arguments.finish()
    return step
