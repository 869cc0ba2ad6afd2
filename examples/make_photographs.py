"""Makes the photographs in examples/photographs/ from full-size ones: ``python examples/make_photographs.py FOLDER``.

Each is the whole of its origin at half the size, the sides cut to multiples of 12; origins are in ATTRIBUTION.md.
"""

import sys
from pathlib import Path

from kukkiri.images import Image, read_image
from kukkiri.resampling import resize

ORIGINS = {
    "beach": "es_beach0.webp",
    "blossom": "jxl_u76c0g_bliznaca_srgb8.webp",
    "cable-bridge": "palapeli_cincinnati-bridge.webp",
    "cat": "skimage_chelsea.webp",
    "citrus": "palapeli_citrus-fruits.webp",
    "coffee": "skimage_coffee.webp",
    "dandelion": "lomiri16_seeding_by_Clements_Engelhardt.webp",
    "forest": "es_forest1.webp",
    "mountain": "es_canyon7.webp",
    "skyline": "es_city10.webp",
}


def main(folder: Path) -> None:
    target = Path(__file__).parent / "photographs"
    target.mkdir(exist_ok=True)
    for name, file in ORIGINS.items():
        full = read_image(folder / file).to_array()[..., :3]
        half = resize(full[: full.shape[0] // 2 * 2, : full.shape[1] // 2 * 2], scale=1 / 2)
        height, width = (side // 12 * 12 for side in half.shape[:2])
        Image.from_array(half[:height, :width]).save(target / f"{name}.webp", overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
