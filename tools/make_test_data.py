"""Fill ``tests/data/`` from the maintainers' folder: ``KUKKIRI_SHARED=... python tools/make_test_data.py``.

Copies the conformance vectors that are small and free to ship, and cuts the free test photographs. The
folder is not needed to run the tests; beyond what ``tests/data/`` has, it holds vectors above the limit and image sets
whose licence forbids shipping.
"""

import os
import shutil
from pathlib import Path

from PIL import Image

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


def main() -> None:
    """Copy the vectors and cut the photographs."""
    shared = Path(os.environ["KUKKIRI_SHARED"])
    copy_vectors(shared / "golden", DATA / "golden")
    crop_photographs(shared / "data" / "FreeVal16", DATA / "images")


if __name__ == "__main__":
    main()
