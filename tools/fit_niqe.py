"""Fit the shipped pristine model of NIQE to a folder of good photographs.

    python tools/fit_niqe.py PHOTOGRAPHS... -o src/kukkiri/metrics/niqe_pristine.npz

The shipped one was fitted to the photographs of KUKKIRI_SHARED/data/train (names beginning with e17_, es_, gh_, jxl_,
kde_, lomiri16_, lxqt_, mate_, palapeli_): no drawings, paintings, textures or text.
"""

import argparse
import os
from pathlib import Path

import pyvips

from kukkiri.metrics.niqe import NiqeModel

PHOTOGRAPHS = ("e17_", "es_", "gh_", "jxl_", "kde_", "lomiri16_", "lxqt_", "mate_", "palapeli_")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs="*", type=Path, help="files; by default those of the training set")
    parser.add_argument("-o", "--output", type=Path, default=Path("src/kukkiri/metrics/niqe_pristine.npz"))
    arguments = parser.parse_args()
    paths = arguments.photographs
    if not paths:
        folder = Path(os.environ["KUKKIRI_SHARED"]) / "data" / "train"
        paths = sorted(path for path in folder.iterdir() if path.name.startswith(PHOTOGRAPHS))
    images = (pyvips.Image.new_from_file(str(path)).colourspace("srgb")[:3].numpy() for path in paths)
    model = NiqeModel.fit(images, name=arguments.output.stem)
    model.save(arguments.output)
    print(f"{len(paths)} photographs -> {arguments.output} ({arguments.output.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
