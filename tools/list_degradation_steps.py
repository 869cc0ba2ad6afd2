"""Fills the table of steps in docs/reference/degradations.md: ``python tools/list_degradation_steps.py``."""

import inspect
import re
from itertools import groupby
from pathlib import Path

from kukkiri.degradations import STEPS, Step

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "degradations.md"
OF_EVERY_BLUR = re.compile(r"\[,size=N\]|\[,border=BORDER\]")


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_table(text), encoding="utf-8")


def with_table(text: str) -> str:
    """The page with its table made anew."""
    rows = ["| step | effect |", "|---|---|"]
    for kind, names in groupby(STEPS, key=STEPS.__getitem__):
        usage = OF_EVERY_BLUR.sub("", kind.usage).replace("|", "\\|")
        rows.append(f"| {', '.join(f'`{name}{usage}`' for name in names)} | {summary(kind)} |")
    block = "\n".join(rows)
    return re.sub(
        r"(<!-- steps:begin -->\n).*?(<!-- steps:end -->)", lambda m: f"{m[1]}{block}\n{m[2]}", text, flags=re.DOTALL
    )


def summary(kind: type[Step]) -> str:
    """The first paragraph of a class's docstring, in Markdown."""
    paragraph = (inspect.getdoc(kind) or "").split("\n\n")[0]
    return " ".join(paragraph.split()).removesuffix(".").replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    main()
