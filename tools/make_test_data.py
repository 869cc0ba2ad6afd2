"""Fill ``tests/data/`` from the maintainers' folder: ``KUKKIRI_SHARED=... python tools/make_test_data.py``.

Copies the conformance vectors that are small and free to ship, cuts the free test photographs, and exports small
networks with random weights. The folder is not needed to run the tests; beyond what ``tests/data/`` has, it holds
vectors above the limit and image sets whose licence forbids shipping.
"""

import os
import shutil
from pathlib import Path

import torch
from PIL import Image

from kukkiri.checkpoints import describe, export_onnx
from kukkiri.networks import NETWORKS

DATA = Path(__file__).parents[1] / "tests" / "data"
LARGEST = 170_000
"""Bytes of the largest vector that ships."""
ALSO = {"metardn_x3.3.safetensors", "srcnn_y.safetensors"}
"""Larger ones that ship all the same: the smallest vectors of their networks."""
OTHERS_WEIGHTS = {"mzsr_pretrained.safetensors", "vdsr_official.safetensors"}
"""Weights trained by others: not ours to ship, whatever their size."""
CROPS = {  # file in FreeVal16: (left, top, right, bottom); all of tier "permissive" in ATTRIBUTION.tsv
    "es_city11.png": (0, 0, 720, 360),
    "es_station4.png": (0, 0, 512, 360),
    "es_city4.png": (0, 0, 512, 360),
}
EXPORTED = {  # plain, transposed, with a size multiple, pre-upsampled
    "espcn": {"scale": 3, "widths": [8, 6]},
    "fsrcnn": {"scale": 2, "d": 8, "s": 4, "m": 2},
    "rrdbnet": {"scale": 2, "width": 4, "growth": 2, "depth": 1, "keys": "basicsr"},
    "srcnn": {"scale": 3, "kernels": [5, 1, 3], "widths": [6, 4]},
}


def copy_vectors(source: Path, target: Path) -> None:
    """Copy every vector of at most ``LARGEST`` bytes, and the list of the full-size state keys."""
    target.mkdir(parents=True, exist_ok=True)
    for path in [*sorted(source.glob("*.safetensors")), source / "full_size_state_keys.json.gz"]:
        small = path.stat().st_size <= LARGEST or path.name in ALSO
        if small and path.name not in OTHERS_WEIGHTS:
            shutil.copyfile(path, target / path.name)


def crop_photographs(source: Path, target: Path) -> None:
    """Cut the photographs and save them as lossless WebP."""
    target.mkdir(parents=True, exist_ok=True)
    for name, box in CROPS.items():
        with Image.open(source / name) as image:
            cropped = image.convert("RGB").crop(box)
        cropped.save((target / name).with_suffix(".webp"), lossless=True, quality=100, method=6)


def export_networks(target: Path) -> None:
    """Write the small networks as ONNX, for tests that run where torch is not installed."""
    target.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(7)
    for name, arguments in EXPORTED.items():
        network = NETWORKS[name](**arguments)
        if name == "fsrcnn":
            torch.nn.init.normal_(network.last_part.weight, std=0.1)  # its own initialization is nearly zero
        info = describe(network, name=f"{name}-x{arguments['scale']}", arguments=arguments)
        export_onnx(network, target / f"{info.name}.onnx", info=info, overwrite=True)


def main() -> None:
    """Fill the three folders."""
    shared = Path(os.environ["KUKKIRI_SHARED"])
    copy_vectors(shared / "golden", DATA / "golden")
    crop_photographs(shared / "data" / "FreeVal16", DATA / "images")
    export_networks(DATA / "models")


if __name__ == "__main__":
    main()
