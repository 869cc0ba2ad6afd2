"""The crops of docs/results/vivid-crops.md: ``python tools/draw_vivid_crops.py DATA [ID ...]``.

DATA has the folders FreeVal16, train and train2. For each crop a WebP file of two rows in docs/images/vivid, every
pixel doubled: LR (nearest), bicubic, original; ``balanced`` at the positions 0, 0.5 and 1 of its dial.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kukkiri import Upscaler
from kukkiri.degradations import Degradation
from kukkiri.images import Image, read_image

SIDE, MARGIN, GAP = 128, 32, 4
JPEG = "bicubic+jpeg:60"
Array = NDArray[Any]


class Crop(NamedTuple):
    """A square of an image."""

    file: str
    top: int
    left: int
    scale: int = 4
    degradation: str = "bicubic"


CROPS = {
    "fur-cat": Crop("train/skimage_chelsea.webp", 60, 130),
    "fur-red-panda": Crop("train2/gc_erase_red_panda_w1.webp", 190, 130),
    "fur-raccoon": Crop("train2/scipy_face_w1.webp", 60, 200, 4, JPEG),
    "fur-bee": Crop("FreeVal16/palapeli_european-honey-bee.png", 120, 250),
    "leaves-maple": Crop("train/e17_Green-Maple.webp", 100, 200),
    "leaves-wood": Crop("FreeVal16/lomiri16_life_by_Aitzol_Berasategi.png", 80, 60),
    "leaves-needles": Crop("train/e17_Spruce-Needles.webp", 150, 400, 2),
    "brick-house": Crop("train2/gc_monuments_georgeWashingtonBirthplace.webp", 60, 60),
    "brick-palace": Crop("train2/gc_monuments_hawaMahal.webp", 150, 200),
    "brick-colosseum": Crop("train2/gc_monuments_colosseum.webp", 150, 150, 2),
    "fabric-carpet": Crop("train/ufo_carpet018.webp", 200, 200),
    "fabric-weave": Crop("train/ufo_carpet025.webp", 150, 150, 2),
    "text-words": Crop("train/syn_text0.webp", 130, 150),
    "text-book": Crop("train2/line_latin_books.webp", 100, 60),
    "text-japanese": Crop("train2/line_ja_mincho.webp", 100, 100),
    "face-portrait": Crop("train/skimage_astronaut.webp", 50, 150),
    "face-musicians": Crop("train2/gc_music_mexico.webp", 100, 300),
    "face-orchestra": Crop("train2/gc_music_orchestra.webp", 110, 90, 2),
    "line-comic": Crop("train2/line_comic0.webp", 100, 100),
    "line-map": Crop("train2/line_map_topo_1bit.webp", 100, 100),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("ids", nargs="*", default=list(CROPS), help="by default all")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[1] / "docs" / "images" / "vivid")
    arguments = parser.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    for name in arguments.ids:
        path = arguments.folder / f"{name}.webp"
        sheet = draw(arguments.data, CROPS[name])
        Image.from_array(sheet.repeat(2, axis=0).repeat(2, axis=1)).save(path, quality=80, overwrite=True)
        print(path)


def draw(data: Path, crop: Crop) -> Array:
    """The six squares of a crop, in two rows."""
    scale = crop.scale
    levels = read_image(data / crop.file).to_array()
    hr = levels[..., :3] if levels.ndim == 3 else np.repeat(levels[..., None], 3, axis=2)
    top, left = crop.top // scale * scale, crop.left // scale * scale
    first = [max(0, place - MARGIN) for place in (top, left)]
    last = [
        min(side // scale * scale, place + SIDE + MARGIN) for place, side in zip((top, left), hr.shape, strict=False)
    ]
    hr = np.ascontiguousarray(hr[first[0] : last[0], first[1] : last[1]])
    lr = Degradation.parse(crop.degradation).apply(hr, scale=scale, seed=0)
    weights = "photo" if "jpeg" in crop.degradation else "clean"
    vivid = [Upscaler("balanced", scale=scale, vivid=at, weights=weights)(lr) for at in (0.0, 0.5, 1.0)]
    classics = [Upscaler(name, scale=scale)(lr) for name in ("nearest", "bicubic")]
    rows, columns = (slice(start - edge, start - edge + SIDE) for start, edge in zip((top, left), first, strict=True))
    gap = np.full((SIDE, GAP, 3), 255, np.uint8)
    lines = []
    for images in ((*classics, hr), vivid):
        cells = [part for image in images for part in (gap, image[rows, columns])][1:]
        lines.append(np.concatenate(cells, axis=1))
    return np.concatenate([lines[0], np.full((GAP, lines[0].shape[1], 3), 255, np.uint8), lines[1]])


if __name__ == "__main__":
    main()
