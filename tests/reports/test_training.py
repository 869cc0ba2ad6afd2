"""The report of a training run, from logs of known values; the page itself needs neither torch nor matplotlib."""

import dataclasses
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from kukkiri.errors import ConfigError
from kukkiri.images import read_image
from kukkiri.reports import write_training_report
from kukkiri.reports.charts import Axis, Mark, Scale
from kukkiri.reports.curves import Curve, draw_curves, thin
from kukkiri.reports.run_history import read_run
from kukkiri.reports.training_charts import build_charts


def line(step, **values):
    plain = {"step": step, "steps": 1000, "loss": 0.1, "learning_rate": 1e-3, "patches_per_second": 150.0}
    return {**plain, "seconds_left": 3723.0, "psnr": None, "data_share": 0.02, "gradient_norm": 0.5, **values}


def write_run(folder, lines, *, end="", **recipe):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + end, encoding="utf-8")
    values = {"name": "mine-x2", "network": "plain", "scale": 2, "arguments": {"width": 16}, **recipe}
    (folder / "recipe.json").write_text(json.dumps(values), encoding="utf-8")
    return folder


@pytest.fixture
def validated(tmp_path):
    lines = [
        line(100, loss=0.4, losses={"l1": 0.3, "fft": 2.0}),
        line(200, loss=0.2, losses={"l1": 0.1, "fft": 1.0}, psnr=31.5, scores={"a & b": 33.0, "art": 30.0}),
        line(300, loss=0.1, losses={"l1": 0.05, "fft": 0.5}, psnr=31.25, scores={"a & b": 32.5, "art": 30.0}),
    ]
    return write_run(tmp_path / "run", lines)


def chart(folder, title):
    return next(chart for chart in build_charts(read_run(folder)) if chart.title.startswith(title))


def test_the_fields_of_the_log_are_the_ones_that_training_writes():
    pytest.importorskip("torch", reason="training needs torch")
    from kukkiri.training import TrainingProgress

    written = {field.name for field in dataclasses.fields(TrainingProgress)}
    read = {"step", "steps", "loss", "losses", "learning_rate", "patches_per_second", "seconds_left", "psnr"}
    assert read | {"scores", "curve", "ema", "data_share", "gradient_norm", "skipped"} == written


def test_curves_have_the_values_of_the_log(validated):
    curves = {curve.label: curve.points for curve in chart(validated, "Loss").curves}
    assert curves["loss"] == [(100, 0.4), (200, 0.2), (300, 0.1)]
    assert curves["fft"] == [(100, 2.0), (200, 1.0), (300, 0.5)]
    psnr = chart(validated, "PSNR")
    assert {curve.label: curve.points for curve in psnr.curves} == {
        "all sets": [(200, 31.5), (300, 31.25)],
        "a & b": [(200, 33.0), (300, 32.5)],
        "art": [(200, 30.0), (300, 30.0)],
    }
    assert [(mark.label, mark.x, mark.y) for mark in psnr.marks] == [("31.500 dB at step 200", 200, 31.5)]
    assert chart(validated, "Time for data").curves[0].points == [(100, 2.0), (200, 2.0), (300, 2.0)]


def test_the_page_names_the_best_and_the_last_values(validated):
    page = write_training_report(validated)[0]
    html = page.read_text(encoding="utf-8")
    assert page.name == "training.html"
    assert "Step 300 of 1,000 (30%). The best validation: 31.500 dB at step 200." in html
    cells = dict(re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td>', html))
    assert cells["loss"] == "0.10000"
    assert cells["loss term fft"] == "0.50000"
    assert cells["time left"] == "1:02:03"
    assert cells["best PSNR"] == "31.500 dB at step 200"
    assert "a &amp; b" in html
    assert "a & b" not in html
    assert '<td class="best"><span>31.500</span></td>' in html


def test_the_page_fetches_nothing_and_has_no_script(validated):
    html = write_training_report(validated)[0].read_text(encoding="utf-8")
    assert "<script" not in html
    assert "src=" not in html
    assert "url(" not in html
    assert "Licence of the slider" not in html
    for svg in re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL):
        ET.fromstring(svg)


def test_the_image_shows_the_charts(validated):
    pytest.importorskip("matplotlib", reason="training.png needs the extra report")
    pixels = read_image(write_training_report(validated)[1]).to_array()
    assert pixels.shape[:2] == (1070, 1200)  # three rows of two charts
    blue = (abs(pixels[..., :3].astype(int) - (0x0B, 0x66, 0xC3)).max(axis=2) < 8).sum()
    assert blue > 1000  # the first curve of every chart


def test_without_matplotlib_the_page_is_written_alone(validated):
    code = (
        "import sys; sys.modules['matplotlib'] = sys.modules['torch'] = None\n"
        "import importlib.util, pathlib\n"
        "import kukkiri.reports.training as training\n"
        "training.find_spec = lambda name: None\n"
        f"print([path.name for path in training.write_training_report(pathlib.Path({str(validated)!r}))])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "['training.html']\n"


def test_a_run_without_validation_has_no_psnr(tmp_path):
    folder = write_run(tmp_path, [line(100, gradient_norm=float("nan"))])
    titles = [chart.title for chart in build_charts(read_run(folder))]
    assert titles == ["Loss", "Learning rate", "Patches per second", "Time for data"]  # no finite gradient norm
    html = write_training_report(folder)[0].read_text(encoding="utf-8")
    assert "Step 100 of 1,000 (10%). No validation so far." in html


def test_a_line_that_is_being_written_is_left_out(tmp_path):
    folder = write_run(tmp_path, [line(100), line(200)], end='{"step": 300, "lo')
    assert [line["step"] for line in read_run(folder).lines] == [100, 200]
    assert read_run(folder).unreadable == 0
    (folder / "log.jsonl").write_text(f"{json.dumps(line(100))}\n[]\nx\n{json.dumps(line(200))}\n", encoding="utf-8")
    assert read_run(folder).unreadable == 2
    assert "2 damaged lines" in write_training_report(folder)[0].read_text(encoding="utf-8")


def test_the_latest_line_of_a_repeated_step_counts(tmp_path):
    folder = write_run(tmp_path, [line(100, loss=3.0), line(200, loss=2.0), line(100, loss=1.0)])
    assert read_run(folder).values("loss") == [(100, 1.0), (200, 2.0)]


def test_a_log_of_an_earlier_version_is_shown(tmp_path):
    write_run(tmp_path, [{"step": 50, "loss": 0.5}])
    (tmp_path / "recipe.json").write_text("{", encoding="utf-8")
    html = write_training_report(tmp_path)[0].read_text(encoding="utf-8")
    assert "Step 50. No validation so far." in html
    assert '<th scope="row">learning rate</th><td>–</td>' in html


def test_meta_training_shows_the_psnr_before_and_after_adaptation(tmp_path):
    lines = [line(100, psnr=27.0, curve=[24.0, 26.0, 27.0]), line(200), line(300, psnr=26.0, curve=[25.0, 25.5, 26.0])]
    psnr = chart(write_run(tmp_path, lines), "PSNR")
    assert {curve.label: curve.points for curve in psnr.curves} == {
        "after 2 steps": [(100, 27.0), (300, 26.0)],
        "after 1 step": [(100, 26.0), (300, 25.5)],
        "before": [(100, 24.0), (300, 25.0)],
    }
    assert psnr.marks[0].x == 100


def test_many_steps_of_adaptation_keep_the_first_and_the_last(tmp_path):
    curve = [20.0 + step for step in range(21)]
    labels = [curve.label for curve in chart(write_run(tmp_path, [line(1, psnr=40.0, curve=curve)]), "PSNR").curves]
    assert (labels[0], labels[-1], len(labels)) == ("after 20 steps", "before", 7)


def test_a_long_log_is_averaged(tmp_path):
    assert thin([(1, 2.0), (2, 4.0), (3, 9.0)], most=2) == [(1.5, 3.0), (3.0, 9.0)]
    folder = write_run(tmp_path, [line(step, loss=float(step % 2 + 1)) for step in range(1, 1201)])
    loss = chart(folder, "Loss")
    assert len(loss.curves[0].points) == 400
    assert loss.curves[0].points[0] == (2.0, pytest.approx(5 / 3))
    assert "Each point is the mean of 3 lines of the log." in loss.caption


def test_a_curve_is_interrupted_where_it_has_no_value():
    points = [(0, 1.0), (1, 10.0), (2, float("nan")), (3, 100.0), (4, 0.0), (5, 100.0)]
    svg = draw_curves([Curve("loss", points, 1)], x=Axis("step"), y=Axis("", logarithmic=True), title="Loss")
    (path,) = (node for node in ET.fromstring(svg).iter() if node.get("class") == "line m1")
    assert re.sub(r"[\d.]+", "#", path.get("d")) == "M# #h#L# #M# #h#M# #h#"
    across = Scale(Axis("step"), [0, 5], 58, 440, pad=0.0)
    assert path.get("d").startswith(f"M{across(0):.1f} ")


def test_the_label_of_a_mark_keeps_off_the_curve():
    points = [(step, 30.0 + 0.001 * step) for step in range(0, 1001, 10)]
    mark = Mark("31.000 dB at step 1,000", 1000, 31.0, 1)
    svg = draw_curves([Curve("PSNR", points, 1)], x=Axis("step"), y=Axis(""), title="PSNR", marks=[mark])
    (text,) = (
        node for node in ET.fromstring(svg).iter() if "".join(node.itertext()) == mark.label and node.tag == "text"
    )
    end, baseline = float(text.get("x")), float(text.get("y"))
    assert text.get("text-anchor") == "end"
    across = Scale(Axis("step"), [0, 1000], 58, 440, pad=0.0)
    up = Scale(Axis(""), [30, 31], 248, 16, pad=0.08)
    below_text = up(
        30 + (end - across(0)) / (across(1000) - across(0))
    )  # the curve at the end of the label, its highest
    assert baseline + 3 < below_text


def test_a_log_of_less_than_a_decade_has_ticks():
    ticks = Scale(Axis("", logarithmic=True), [0.02, 0.03], 0, 100, pad=0.08).ticks
    assert [text for _, text in ticks] == ["0.02", "0.022", "0.024", "0.026", "0.028", "0.03"]


@pytest.mark.parametrize(("text", "message"), [(None, "cannot be read"), ("", "has no line yet"), ("{", "no line yet")])
def test_a_folder_without_a_log_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "log.jsonl").write_text(text)
    with pytest.raises(ConfigError, match=message):
        write_training_report(tmp_path)
    assert not (tmp_path / "training.html").exists()


def test_an_existing_report_is_replaced_unless_forbidden(validated):
    write_training_report(validated)
    write_training_report(validated)
    with pytest.raises(ConfigError, match="exists already"):
        write_training_report(validated, overwrite=False)
