"""The parts of a report: labels, reference points, the choice of images and crops, charts."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from kukkiri.evaluation import Evaluation, SetScore
from kukkiri.metrics import Score
from kukkiri.profiling import Cost
from kukkiri.reports import short_labels
from kukkiri.reports.bars import Group, Interval, bars, intervals
from kukkiri.reports.charts import Axis, Mark, scatter, short_number, ticks
from kukkiri.reports.gallery import densest_box, disagreement
from kukkiri.reports.html_tables import image_table, summary_table
from kukkiri.reports.plots import set_charts
from kukkiri.reports.published import published


def evaluation(model, psnrs, **further):
    images = {f"p{i}": {"psnr": value, "ssim": value / 40} for i, value in enumerate(psnrs)}
    return Evaluation(model, 3, "y-matlab", "bicubic", {"Some": SetScore("Some", images)}, **further)


def texts(svg):
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter() if node.tag == "text"]


def test_labels_are_as_short_as_they_stay_distinct():
    models = ["bicubic", "espcn-x3", "runs/a/weights.safetensors", "runs/b/weights.safetensors", "old/m.onnx"]
    assert short_labels(models) == ["bicubic", "espcn-x3", "a", "b", "m"]
    assert short_labels(["one/net.onnx", "two/net.onnx"]) == ["one/net", "two/net"]
    assert short_labels(["bicubic", "bicubic"]) == ["bicubic (1)", "bicubic (2)"]


def test_reference_points_are_the_published_numbers_and_only_of_a_whole_set():
    rows = {row.name: row for row in published("Set14", images=14, scale=3, protocol="y-matlab", degradation="bicubic")}
    assert rows["RCAN"].score == Score(30.65, 0.8482)
    assert rows["RCAN"].parameters == 15_629_307
    assert rows["FSRCNN"].score == Score(29.37, 0.8240)
    assert not published("Set14", images=13, scale=3, protocol="y-matlab", degradation="bicubic")
    assert not published("Set14", images=14, scale=3, protocol="rgb", degradation="bicubic")
    assert not published("Set14", images=14, scale=5, protocol="y-matlab", degradation="bicubic")
    assert not published("MyFolder", images=14, scale=3, protocol="y-matlab", degradation="bicubic")
    manga = published("manga109", images=109, scale=4, protocol="y-matlab", degradation="bicubic")
    assert "SRResNet" not in {row.name for row in manga}  # its row has no Manga109


def test_the_crop_is_where_the_models_differ_most():
    hr = np.full((80, 100, 3), 128, np.uint8)
    other = hr.copy()
    other[50:60, 70:80] = 200
    assert disagreement(hr, [hr, other])[55, 75] > 0
    top, left = densest_box(disagreement(hr, [hr, other]), 16)
    assert top <= 50
    assert top + 16 >= 60
    assert left <= 70
    assert left + 16 >= 80
    assert np.array_equal(disagreement(hr, [other]) > 0, (other != hr)[..., 0])


def test_the_densest_box_may_be_the_whole_image():
    assert densest_box(np.ones((5, 5)), 5) == (0, 0)
    values = np.zeros((6, 9))
    values[5, 8] = 1
    assert densest_box(values, 2) == (4, 7)


def test_ticks_are_round_and_inside():
    assert ticks(0, 1, count=5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(27.4, 30.9) == [28, 29, 30]
    assert [short_number(value) for value in (0, 0.02, 950, 12_809, 1.5e6, 2e9)] == [
        "0",
        "0.02",
        "950",
        "12.8k",
        "1.5M",
        "2G",
    ]


def test_a_scatter_puts_more_to_the_right_and_up_and_zero_apart():
    marks = [Mark("none", 0, 27, 0), Mark("small", 1e4, 28, 1), Mark("large", 1e7, 30, 2), Mark("ref", None, 29)]
    svg = scatter(marks, x=Axis("parameters", logarithmic=True), y=Axis("PSNR (dB)"), title="a < b")
    root = ET.fromstring(svg)  # well-formed
    assert root.attrib["aria-label"] == "a < b"
    assert set(texts(svg)) >= {"none", "small", "large", "ref", "0", "100k", "28"}
    circle = next(group for group in root.iter("g") if group.attrib.get("class") == "dot m0").find("circle")
    square = next(group for group in root.iter("g") if group.attrib.get("class") == "dot m1").find("rect")
    triangle = next(group for group in root.iter("g") if group.attrib.get("class") == "dot m2").find("path")
    x, y = map(float, re.match(r"M([\d.]+) ([\d.]+)", triangle.attrib["d"]).groups())
    assert float(circle.attrib["cx"]) < float(square.attrib["x"]) < x
    assert float(circle.attrib["cy"]) > float(square.attrib["y"]) > y


def test_labels_of_a_crowded_scatter_do_not_overlap():
    marks = [Mark(f"model {i}", 1000 + i, 30 + i / 50, i) for i in range(8)]
    svg = scatter(marks, x=Axis("x", logarithmic=True), y=Axis("y"), title="t")
    boxes = []
    for node in ET.fromstring(svg).iter("text"):
        if "label" in node.attrib["class"]:
            width, x, y = 6.3 * len(node.text), float(node.attrib["x"]), float(node.attrib["y"])
            start = x - {"start": 0, "middle": width / 2, "end": width}[node.attrib["text-anchor"]]
            boxes.append((start, y - 10, start + width, y + 3))
    assert len(boxes) == 8  # none is crowded out
    for i, a in enumerate(boxes):
        assert not any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for b in boxes[i + 1 :])


def test_an_unnamed_point_has_its_name_on_hover_only():
    marks = [Mark("loud", 1.0, 1.0), Mark("quiet", 2.0, 2.0, named=False)]
    svg = scatter(marks, x=Axis("x"), y=Axis("y"), title="t")
    assert svg.count(">loud") == 2
    assert svg.count(">quiet") == 1
    assert "<title>quiet" in svg


def test_bars_start_at_zero_and_losses_go_left():
    svg = bars([Group("p", (2.0, -1.0))], series=[1, 2], unit="dB", title="t")
    gain, loss = list(ET.fromstring(svg).iter("rect"))
    assert float(gain.attrib["width"]) == pytest.approx(2 * float(loss.attrib["width"]), rel=1e-2)
    assert float(loss.attrib["x"]) < float(gain.attrib["x"])
    assert {"+2.00", "-1.00"} <= set(texts(svg))


def test_an_interval_goes_from_its_low_to_its_high_end():
    svg = intervals([Interval("m", 1.0, 0.5, 2.0, 1)], unit="dB", title="t")
    group = next(group for group in ET.fromstring(svg).iter("g"))
    line, dot = group.find("line").attrib, group.find("circle").attrib
    low, high, value = float(line["x1"]), float(line["x2"]), float(dot["cx"])
    assert (value - low) / (high - low) == pytest.approx(1 / 3, abs=0.01)


def test_the_summary_marks_the_best_and_gives_paired_gains():
    pair = [evaluation("bicubic", [28.0, 30.0, 32.0]), evaluation("net.onnx", [29.0, 31.5, 32.5])]
    html = summary_table(pair, ["bicubic", "net"])
    assert '<td class="best"><span>31.00</span>' in html
    assert "<span>+1.00</span>" in html
    assert html.count('class="best"') == 2  # PSNR and SSIM
    assert "Seconds" not in html
    costly = [evaluation("bicubic", [28.0], cost=Cost(0, 36_000_000, 0.25, None))]
    assert "0.25" in summary_table(costly, ["bicubic"])


def test_the_summary_has_the_sets_below_each_other_and_the_costs_in_a_table_of_their_own():
    def two_sets(model, psnr):
        sets = {name: SetScore(name, {"p": {"psnr": psnr + i, "ssim": 0.9}}) for i, name in enumerate(["A", "B"])}
        return Evaluation(model, 2, "y-matlab", "bicubic", sets, cost=Cost(21_284, 36_000_000, 0.25, None))

    html = summary_table([two_sets("bicubic", 30.0), two_sets("net", 31.5)], ["bicubic", "net"])
    scores, costs = html.split("</table>")[:2]
    assert re.findall(r'<th scope="rowgroup" colspan="4">(.)</th>', scores) == ["A", "B"]
    assert re.findall(r"<span>(3\d\.\d\d)</span>", scores) == ["30.00", "31.50", "31.00", "32.50"]
    assert scores.count('<th scope="col">') == 4  # the model, PSNR, the gain, SSIM
    assert costs.count("<td>21 284</td>") == 2
    assert "21 284" not in scores


def test_names_are_escaped_everywhere():
    images = {'<img src=x onerror="1">': {"psnr": 30.0, "ssim": 0.9}, "b": {"psnr": 31.0, "ssim": 0.9}}
    one = Evaluation("<m>", 2, "y-matlab", "bicubic", {"<s>": SetScore("<s>", images)})
    for html in (
        summary_table([one, one], ["<m>", "<n>"]),
        image_table([one, one], ["<m>", "<n>"], "<s>"),
        set_charts([one, one], ["<m>", "<n>"], "<s>", references=[]),
    ):
        assert "<img" not in html
        assert "<m>" not in html
        assert "<s>" not in html


def test_perception_is_niqe_where_it_was_measured_and_consistency_otherwise():
    def with_metrics(model, psnr, **further):
        scores = {"psnr": psnr, "ssim": 0.8, **{name.replace("_", "-"): value for name, value in further.items()}}
        return Evaluation(model, 3, "y-matlab", "bicubic", {"Some": SetScore("Some", {"p": scores})})

    both = [with_metrics("a", 28.0, niqe=7.0, lr_psnr=38.0), with_metrics("b", 29.0, niqe=6.0, lr_psnr=48.0)]
    assert "Perception against distortion" in set_charts(both, ["a", "b"], "Some", references=[])
    small = [with_metrics("a", 28.0, niqe=None, lr_psnr=38.0), with_metrics("b", 29.0, niqe=None, lr_psnr=48.0)]
    html = set_charts(small, ["a", "b"], "Some", references=[])
    assert "Perception against distortion" not in html
    assert "Consistency against distortion" in html


def test_identical_images_do_not_break_the_charts():
    same = evaluation("nearest", [float("inf"), 30.0])
    assert "so there is no chart" in set_charts([same, same], ["a", "b"], "Some", references=[])
