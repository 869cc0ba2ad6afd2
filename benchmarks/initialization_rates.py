"""Choice of the learning rates of the shipped initializations: PSNR before and after 1, 3 and 10 steps of adaptation.

    python benchmarks/initialization_rates.py [INITIALIZATION] --validation FOLDER [--images 5] [--kernels KERNEL ...]

INITIALIZATION is the id of a shipped initialization or a file. Central crops (240 x 240 HR pixels) of the first images
of the folder, ``y-mzsr``, true kernels, one thread; the last state is scored, not that with the least loss, which
``adapt`` keeps.
"""

import argparse
from pathlib import Path

import torch

from kukkiri import pretrained
from kukkiri.checkpoints import load
from kukkiri.training import MetaRecipe
from kukkiri.training.meta import MetaValidation

TEN = 10
FROM_ZERO = (13, 15, 18, 20, 20, 16, 12, 9, 6, 4)
"""Rates of the code alone, adapted from a code of zero."""
SETTINGS = {  # kernel-conditioned or not; rates of the code, of all other parameters
    "from a code of zero, code only": (False, FROM_ZERO, (0.0,) * TEN),
    "kernel-conditioned, code (10) only": (True, (10.0,) * TEN, (0.0,) * TEN),
    "kernel-conditioned, code (0.5) and weights (0.01)": (True, (0.5,) * TEN, (0.01,) * TEN),
    "kernel-conditioned, code (2) and weights (0.01)": (True, (2.0,) * TEN, (0.01,) * TEN),
    "kernel-conditioned, code (2) and weights (0.03)": (True, (2.0,) * TEN, (0.03,) * TEN),
    "kernel-conditioned, code (2) and weights (0.05)": (True, (2.0,) * TEN, (0.05,) * TEN),
    "kernel-conditioned, code (4) and weights (0.2)": (True, (4.0,) * TEN, (0.2,) * TEN),
}
KERNELS = {
    2: ("gaussian:2.0", "gaussian:4.0,1.0,-0.5", "gaussian:0.2", "motion:6.0,0.5"),
    4: ("gaussian:2.0", "gaussian:8.0,2.0,-0.5", "gaussian:0.2", "motion:12.0,0.5"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("initialization", nargs="?", default="context-x2-direct")
    parser.add_argument("--validation", default="data/FreeVal16")
    parser.add_argument("--images", type=int, default=5)
    parser.add_argument("--kernels", nargs="+", help="by default four for the scale")
    options = parser.parse_args()
    torch.set_num_threads(1)
    path = Path(options.initialization)
    path = path if path.is_file() else pretrained.locate(options.initialization, ".safetensors")
    network, card = load(path).module, pretrained.read_card(path.stem)["adaptation"]
    names = [name for name, _ in network.named_parameters()]
    kernels = options.kernels or KERNELS[card["scale"]]
    print(f"| {path.stem} | {' | '.join(f'`{kernel}`' for kernel in kernels)} |")
    print("|---" * (len(kernels) + 1) + "|")
    shipped = (card["kernel_conditioned"], card["rates"]["code"], card["rates"]["*"])
    for setting, (conditioned, code, others) in {**SETTINGS, "as shipped": shipped}.items():
        rates = {name: code if name == "code" else others for name in names}
        cells = []
        for kernel in kernels:
            recipe = MetaRecipe(
                name="rates",
                network="contextplain",
                scale=card["scale"],
                kernel_conditioned=conditioned,
                inner_steps=TEN,
                validation=options.validation,
                validation_images=options.images,
                validation_degradations=(f"{kernel}+{card['subsample']}",),
            )
            curve = MetaValidation.from_recipe(recipe).curve(network, rates=rates)
            cells.append(", ".join(f"{curve[step]:.2f}" for step in (0, 1, 3, 10)))
        print(f"| {setting} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
