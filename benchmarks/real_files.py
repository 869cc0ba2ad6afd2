"""Real files through ``kukkiri upscale``: outputs, clean refusals and tracebacks, and outputs compared with Pillow.

    python benchmarks/real_files.py FOLDER... [--limit 400]

Every file of the folders is tried, but no two of the same bytes and at most ``--limit`` of a suffix. It is upscaled
by 2 with ``nearest`` into the default format. A result is right when Pillow reads the source, too, and every second
pixel of each frame of the result equals the source to 2 levels where it is visible; not for GIF, whose palette is new.
"""

import argparse
import hashlib
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageSequence

from kukkiri import Upscaler
from kukkiri.files import IMAGE_SUFFIXES
from kukkiri.images.archives import COMIC_SUFFIX
from kukkiri.inference import FolderRun

_LEVELS, _LEAST_PIXELS = 2, 2**22
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
_OTHERS = (".dds", ".ico", ".pcx", ".pic", ".psd", ".rgb", ".sgi", ".svg", ".xbm", ".xcf", ".xpm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=400)
    asked = parser.parse_args()
    PIL.Image.MAX_IMAGE_PIXELS = None
    _register_optional()
    outcomes: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    for path in list_candidates(asked.folders, asked.limit):
        outcome, reason = try_file(path)
        outcomes.setdefault(path.suffix.lower() or "none", Counter())[outcome] += 1
        if outcome in ("traceback", "differs"):
            print(f"{outcome}: {path}: {reason}")
        if outcome == "refused":
            reasons[reason] += 1
    print_table(outcomes)
    for reason, count in reasons.most_common(12):
        print(f"{count:5}  {reason}")


def _register_optional() -> None:
    try:
        import pillow_heif
        import pillow_jxl  # noqa: F401

        pillow_heif.register_heif_opener()
    except ImportError:
        pass


def list_candidates(folders: Sequence[Path], limit: int) -> Iterator[Path]:
    """Yield files that look like images by their name, each content once."""
    seen, counts = set(), Counter[str]()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            suffix = path.suffix.lower()
            if suffix not in (*IMAGE_SUFFIXES, COMIC_SUFFIX, *_OTHERS) or not path.is_file() or path.is_symlink():
                continue
            digest = hashlib.sha256(path.read_bytes()).digest()
            if digest in seen or counts[suffix] >= limit:
                continue
            seen.add(digest)
            counts[suffix] += 1
            yield path


def try_file(path: Path) -> tuple[str, str]:
    """Upscale one file; returns the outcome and the reason."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            make = partial(Upscaler, "nearest", scale=2)
            (result,) = FolderRun(make, [str(path)], output=Path(folder), overwrite=True)
        except BaseException as error:  # whatever it is, it is counted
            if isinstance(error, KeyboardInterrupt):
                raise
            return "traceback", repr(error)
        if result.error:
            several = len(result.error.splitlines()) != 1
            message = result.error.replace(str(path), "FILE").split(". ")[0]
            return ("traceback", result.error) if several else ("refused", message[:110])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                difference = compare(path, result.job.target)
        except Exception as error:
            return "written", f"Pillow does not compare it: {error!r}"
        if difference is None:
            return "written", ""
        limit = 255 if result.job.target.suffix == ".gif" else _LEVELS
        return ("same", "") if difference <= limit else ("differs", f"by {difference} levels")


def compare(source: Path, result: Path) -> float | None:
    """Return the largest difference over all frames; ``None`` for what Pillow gives in another meaning."""
    with PIL.Image.open(source) as before, PIL.Image.open(result) as after:
        plain = before.mode in _MODES and after.mode in _MODES
        scaled = before.mode == "L" and "transparency" in before.info  # Pillow scales levels below 8 bits, not the key
        turned = before.getexif().get(0x112, 1) != 1
        if not plain or scaled or turned or before.width * before.height > _LEAST_PIXELS:
            return None
        frames = getattr(before, "n_frames", 1), getattr(after, "n_frames", 1)
        if frames[0] != frames[1]:
            raise ValueError(f"{frames[0]} frames became {frames[1]}")
        worst = 0.0
        pairs = zip(PIL.ImageSequence.Iterator(before), PIL.ImageSequence.Iterator(after), strict=True)
        for one, other in pairs:
            lr = np.asarray(one.convert("RGBA")).astype(int)
            sr = np.asarray(other.convert("RGBA")).astype(int)[::2, ::2]
            visible = lr[..., 3:] > 0
            worst = max(worst, float(np.abs((lr - sr) * visible).max()), float(np.abs(lr - sr)[..., 3].max()))
        return worst


def print_table(outcomes: dict[str, Counter[str]]) -> None:
    """Print a row for each suffix."""
    columns = ("same", "written", "differs", "refused", "traceback")
    print(f"{'suffix':8}" + "".join(f"{column:>10}" for column in columns))
    total: Counter[str] = Counter()
    for suffix, counts in sorted(outcomes.items()):
        total += counts
        print(f"{suffix:8}" + "".join(f"{counts[column]:10}" for column in columns))
    print(f"{'all':8}" + "".join(f"{total[column]:10}" for column in columns))


if __name__ == "__main__":
    main()
