"""The tables of a comparison in Chromium: on a page of 1,200 pixels nothing of them is cut."""

from typing import Any

from kukkiri.evaluation import Evaluation, SetScore
from kukkiri.profiling import Cost
from kukkiri.reports.html_tables import summary_table
from kukkiri.reports.page import build_page


def test_summary_of_five_models_on_three_sets_fits(chromium: Any) -> None:
    labels = ["bicubic", "lanczos", "plain-m-photo-x2", "espcn-x2", "san-s-x2"]
    names = ["Set14", "Urban100", "Manga109"]
    images = {f"{i}": {"psnr": 28.5 + i, "ssim": 0.91, "niqe": 5.5, "lr-psnr": 47.25} for i in range(3)}
    sets = {name: SetScore(name, images) for name in names}
    cost = Cost(15_629_307, 3_600_000_000_000, 1234.5, 3_000_000_000)
    evaluations = [Evaluation(label, 2, "y-matlab", "bicubic", sets, cost=cost) for label in labels]
    html = build_page(title="t", setup="", body=summary_table(evaluations, labels), footer="", slider=False)
    assert not any("\u3040" <= letter <= "\u30ff" for letter in html)  # the wordmark needs no Japanese font
    page = chromium.new_page(viewport={"width": 1200, "height": 800})
    page.set_content(html)
    tables = page.locator(".scroll").evaluate_all("all => all.map((one) => [one.clientWidth, one.scrollWidth])")
    wordmark = page.locator(".wordmark").bounding_box()
    page.close()
    assert len(tables) == 2
    assert all(seen == whole for seen, whole in tables)
    assert (round(wordmark["height"]), round(wordmark["width"])) == (17, 65)
