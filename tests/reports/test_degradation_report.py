"""The page about a blur: the run's lines, the kernels, the spectrum, and results side by side."""

import json
import re

import numpy as np
import pytest

from kukkiri.cli import run
from kukkiri.degradations import Degradation, DegradationEstimate, disk_kernel, gaussian_kernel
from kukkiri.degradations.spectrum_model import SpectrumModel
from kukkiri.images import Image, read_image
from kukkiri.inference.solvers import find_prior, list_solvers
from kukkiri.reports import NamedModel, write_degradation_report
from kukkiri.reports.degradation_results import show_results


@pytest.fixture(scope="module")
def lr(photographs):
    hr = np.rint(255 * read_image(photographs / "es_station4.webp").colour[:320]).astype(np.uint8)
    return Degradation.parse("disk:2.0+direct").apply(hr, scale=2)


def test_the_page_of_a_run_tells_what_was_found(lr, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.from_array(lr).save("soft.png")
    assert run(["upscale", "soft.png", "-o", "large.png", "--kernel", "estimate", "--report", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["files"]
    assert found["degradation"]["kind"] == "disk"
    assert found["degradation"]["candidates"][0]["kind"] == "disk"
    page = (tmp_path / "large-report.html").read_text()
    for words in (found["notes"][0], "Blur of soft.png", "<h2>Explanations</h2>", "LR consistency", "Expected misfit"):
        assert words in page, words
    assert "<h2>Solvers</h2>" in page
    explanations = page[page.index("<h2>Explanations</h2>") : page.index("<h2>Solvers</h2>")]
    assert explanations.count("<tr><th") == 1 + len(found["degradation"]["candidates"])


def test_every_solver_that_can_run_is_shown_and_checked(lr, tmp_path, monkeypatch):
    image = Image.from_array(lr)
    wanted = DegradationEstimate(disk_kernel(2.0), 2, noise_std=2 / 255, text="disk:2")
    wrong = DegradationEstimate(gaussian_kernel(6.0, size=25), 2, text="gaussian:6")
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"nothing")
    html = "".join(show_results(image, [wanted, wrong], plain_check=wanted, named=NamedModel(str(broken))))
    table = html[: html.index("</table>")]
    solvers = re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td><td>([0-9.]*)</td>', table)
    names = [list_solvers()[2, "direct"], list_solvers(noise=True)[2, "direct"], *filter(None, [find_prior()])]
    assert [each[:2] for each in solvers] == [
        ("plain", "none"),
        *((name, "disk:2") for name in names),
        (names[0], "gaussian:6"),
    ]
    consistency = {each[:2]: float(each[2]) for each in solvers}
    assert consistency[names[0], "disk:2"] > 34 > consistency[names[0], "gaussian:6"]
    assert "differs from the image" in table
    assert "broken.pth: " in html
    assert html.count("<option") == 2 * len(solvers)


def test_a_matrix_that_was_used_is_drawn_and_no_trust_is_said(lr, tmp_path, monkeypatch):
    monkeypatch.setattr("kukkiri.reports.degradation_report.show_results", lambda *_, **__: [])
    Image.from_array(lr).save(tmp_path / "soft.png")
    about = {
        "kernel": "",
        "found_by": "patches",
        "confidence": 0.7,
        "noise_std": 0.0,
        "subsample": "direct",
        "matrix": np.eye(5).tolist(),
    }
    for name, degradation, words in (
        ("a", about, "a kernel of any shape, patches, confidence 0.70"),
        ("b", None, "none was trusted"),
    ):
        path = tmp_path / f"{name}.html"
        write_degradation_report(path, source=tmp_path / "soft.png", scale=2, degradation=degradation, notes=["a & b"])
        page = path.read_text()
        assert words in page
        assert "a &amp; b" in page


def test_the_profile_of_the_right_kernel_is_that_of_the_image(lr):
    model = SpectrumModel(lr, scale=2)
    frequency, observed, predicted = model.profile(Degradation.parse("disk:2.0+direct").effective_kernel(scale=2))
    assert (np.diff(frequency) > 0).all()
    assert np.log(predicted / observed) == pytest.approx(0, abs=0.5)
