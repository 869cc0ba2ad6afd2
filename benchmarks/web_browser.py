"""The browser's engine against Python: differences, seconds and memory, image by image, each in a process of its own.

    python benchmarks/web_browser.py --preset fast --side 512 1024
    python benchmarks/web_browser.py --preset fast --side 4096 --no-threads   # 16.8 megapixels, one thread

Needs Playwright and Chromium. The site is exported and served on this machine; with threads the page is loaded twice,
for its service worker gives the headers that isolate it.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the browser and the images of the tests

from tests.web.browser.chromium import OPTIONS, open_page, serve_folder  # noqa: E402
from tests.web.browser.images import make_scene  # noqa: E402

from kukkiri.images import read_image  # noqa: E402
from kukkiri.web.export import export_site  # noqa: E402

UPSCALE = """async ({ name, options }) => {
  const { upscale } = await import(new URL("static/browser/engine.js", document.baseURI));
  const file = new File([await (await fetch("../" + name)).blob()], name, { type: "image/png" });
  const result = await upscale(file, options, {});
  const link = document.createElement("a");
  link.href = URL.createObjectURL(result.blob);
  link.download = "browser.png";
  link.click();
  return result.seconds;
}"""
PYTHON = "import sys; from kukkiri import Upscaler; Upscaler(sys.argv[1], scale=2)(sys.argv[2]).save(sys.argv[3])"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="fast", choices=["fast", "balanced", "best"])
    parser.add_argument("--side", type=int, nargs="+", default=[256, 1024], help="pixels of the square images")
    parser.add_argument("--no-threads", action="store_true", help="load the page once: one thread")
    options = parser.parse_args()
    print("side  preset  threads  levels  share      browser s  python s  python MB")
    for side in options.side:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), side, preset=options.preset, threads=not options.no_threads)


def compare(folder: Path, side: int, *, preset: str, threads: bool) -> None:
    host = folder / "host"
    export_site(host / "site", presets=[preset])
    PillowImage.fromarray(make_scene(side, side)).save(host / "lr.png", compress_level=1)
    with serve_folder(host) as address, open_page(f"{address}/site/", folder / "profile") as visit:
        if threads:
            visit.page.evaluate("navigator.serviceWorker.ready.then(() => null)")
            visit.page.wait_for_function("navigator.serviceWorker.controller !== null")
            visit.page.reload()
        isolated = visit.page.evaluate("self.crossOriginIsolated")
        cores = visit.page.evaluate("navigator.hardwareConcurrency")
        visit.page.set_default_timeout(3_600_000)
        with visit.page.expect_download(timeout=3_600_000) as download:
            seconds = visit.page.evaluate(UPSCALE, {"name": "lr.png", "options": {**OPTIONS, "preset": preset}})
        download.value.save_as(folder / "browser.png")
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", PYTHON, preset, host / "lr.png", folder / "python.png"], check=True)
    taken = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
    found, wanted = (read_image(folder / name).colour for name in ("browser.png", "python.png"))
    difference = np.abs(found - wanted) * 255
    share = np.count_nonzero(difference > 1e-3) / difference.size
    print(
        f"{side:<5} {preset:<8} {cores if isolated else 1:>6} {difference.max():>7.2f}  {share:.1e}"
        f" {seconds:>10.1f} {taken:>9.1f} {memory:>10.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
