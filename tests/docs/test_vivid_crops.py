"""The images of docs/results/vivid-crops.md: all there, each with its author and a licence to pass it on."""

import csv
import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
CROPS = runpy.run_path(str(ROOT / "tools" / "draw_vivid_crops.py"))["CROPS"]
PAGE = ROOT / "docs" / "results" / "vivid-crops.md"


def test_the_page_shows_every_crop_and_no_other():
    assert len(CROPS) == 20
    shown = re.findall(r"\(\.\./images/vivid/(.+?)\.webp\)", PAGE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(CROPS)
    assert sorted(path.stem for path in (ROOT / "docs" / "images" / "vivid").iterdir()) == sorted(CROPS)


def test_the_page_names_the_licence_of_every_image():
    lines = (ROOT / "docs" / "training-data.tsv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(lines, delimiter="\t")
    tiers = {row["file"]: row["tier"] for row in rows}
    page = PAGE.read_text(encoding="utf-8")
    for crop in CROPS.values():
        folder, name = crop.file.split("/")
        assert f"| `{crop.file}` |" in page
        assert folder == "FreeVal16" or tiers[crop.file] == "permissive", crop.file
        assert not name.startswith("gh_")
