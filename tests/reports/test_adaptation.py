"""The report of an adaptation, about a stand-in: the page itself needs no torch."""

import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.inference import Upscaler
from kukkiri.reports import write_adaptation_report


@pytest.fixture
def adapted():
    return SimpleNamespace(
        scale=2,
        degradation=Degradation.parse("gaussian:4.0+direct"),
        fit=SimpleNamespace(method="zssr", steps=30, seconds=1.25, initial_psnr=20.0, psnr=25.5),
        guard=SimpleNamespace(before=31.5, after=35.25),
        fell_back=False,
    )


@pytest.fixture
def before(rng):
    return Image.from_array(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))


def test_the_page_has_the_kernel_the_numbers_and_both_images(adapted, before, tmp_path):
    after = Upscaler("lanczos", scale=2)(before)
    path = tmp_path / "report.html"
    write_adaptation_report(path, adapted, before=before, after=after, estimated=True)
    html = path.read_text(encoding="utf-8")
    assert "gaussian:4.0" in html
    assert "estimated from the image" in html
    cells = dict(re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td>', html))
    assert cells["PSNR of the image reconstructed from its downscaled copy, before"] == "20.00 dB"
    assert cells["and after adaptation"] == "25.50 dB"
    assert (cells["LR PSNR of bicubic interpolation"], cells["LR PSNR of the adapted result"]) == (
        "31.50 dB",
        "35.25 dB",
    )
    assert cells["chosen result"] == "the adapted one"
    # an isotropic Gaussian of variance 4 in HR pixels squared; sampling and truncation move the second digit
    deviations = re.search(r"standard deviations are ([\d.]+) and ([\d.]+) HR pixels", html)
    assert [float(deviation) for deviation in deviations.groups()] == pytest.approx([2, 2], abs=0.05)
    assert html.count('<img src="data:image/webp') == 3  # the kernel, bicubic, adapted
    with pytest.raises(ConfigError, match="exists already"):
        write_adaptation_report(path, adapted, before=before, after=after, estimated=True)


def test_a_rejected_result_is_named(adapted, before, tmp_path):
    adapted.fell_back = True
    after = Upscaler("bicubic", scale=2)(before)
    write_adaptation_report(tmp_path / "report.html", adapted, before=before, after=after, estimated=False)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<th scope="row">chosen result</th><td>bicubic interpolation</td>' in html


def test_every_report_imports_without_torch():
    code = "import sys; sys.modules['torch'] = None; from kukkiri.reports import write_adaptation_report"
    subprocess.run([sys.executable, "-c", code], check=True)
