import json

import pytest

from kukkiri.errors import ConfigError
from kukkiri.evaluation.preferences import read_preferences
from kukkiri.evaluation.statistics import wilson_interval


@pytest.mark.parametrize(
    ("successes", "total", "interval"),
    [(0, 10, (0.0, 0.27753)), (8, 10, (0.49016, 0.94331)), (81, 263, (0.25531, 0.36620))],
)
def test_wilson_is_that_of_published_examples(successes, total, interval):
    """81 of 263: Newcombe, Statistics in Medicine 17, 1998, Table I: 0.2553 to 0.3662."""
    assert wilson_interval(successes, total) == pytest.approx(interval, abs=5e-5)
    low, high = wilson_interval(total - successes, total)
    assert (1 - high, 1 - low) == pytest.approx(interval, abs=5e-5)


def test_a_share_of_nothing_has_no_interval():
    with pytest.raises(ValueError, match="a share of 0 in 0"):
        wilson_interval(0, 0)


def write(path, choices, *, page="p1", **changes):
    answers = [{"image": "a", "place": [0, 0, 9], "pair": [0, 1], "choice": each, "seconds": 1.0} for each in choices]
    exported = {"kukkiri_blind": 1, "id": page, "models": ["x", "y"], "scale": 4, "answers": answers, **changes}
    path.write_text(json.dumps(exported), encoding="utf-8")
    return path


def test_the_answers_of_several_persons_are_counted_together(tmp_path):
    paths = [write(tmp_path / "a.json", [0] * 9 + [None]), write(tmp_path / "b.json", [0] * 8 + [1, None, None])]
    (found,) = read_preferences([*paths, paths[0]])
    assert (found.models, found.wins, found.undecided) == (("x", "y"), (17, 1), 3)
    assert found.share == 17 / 18
    assert found.interval == wilson_interval(17, 18)
    assert found.preferred == "x"
    assert json.loads(json.dumps(found.to_json()))["wins"] == [17, 1]


def test_what_is_not_clear_is_said_to_be_neither(tmp_path):
    (even,) = read_preferences([write(tmp_path / "a.json", [0, 0, 1])])
    assert even.preferred is None
    (none,) = read_preferences([write(tmp_path / "b.json", [None, None])])
    assert (none.share, none.interval, none.preferred) == (None, None, None)


@pytest.mark.parametrize(
    "changes", [{"kukkiri_blind": 2}, {"models": None}, {"answers": [{"pair": [0, 2], "choice": 0}]}, {"answers": [1]}]
)
def test_another_file_is_refused(tmp_path, changes):
    with pytest.raises(ConfigError, match=r"a\.json: not a file of answers"):
        read_preferences([write(tmp_path / "a.json", [0], **changes)])


def test_files_of_two_pages_and_a_missing_one_are_refused(tmp_path):
    paths = [write(tmp_path / "a.json", [0]), write(tmp_path / "b.json", [0], page="p2")]
    with pytest.raises(ConfigError, match=r"b\.json: is of another page"):
        read_preferences(paths)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_preferences([tmp_path / "none.json"])


def test_two_exports_of_one_session_count_once_with_the_later_answers(tmp_path):
    paths = [write(tmp_path / f"{name}.json", choices, deal="d1") for name, choices in (("b", [0]), ("a", [0, 0, 1]))]
    paths.append(write(tmp_path / "c.json", [1, 1], deal="d2"))
    (found,) = read_preferences(paths)
    assert (found.wins, found.undecided) == ((2, 3), 0)


@pytest.mark.parametrize("pair", [[1, 0], [0, 0], [False, True]])
def test_a_pair_that_no_page_asks_is_refused_and_not_dropped(tmp_path, pair):
    with pytest.raises(ConfigError, match=r"a\.json: not a file of answers"):
        read_preferences([write(tmp_path / "a.json", [], answers=[{"pair": pair, "choice": 0}])])


def test_a_file_that_is_nested_without_end_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[" * 200_000)
    with pytest.raises(ConfigError, match=r"a\.json: not a file of answers"):
        read_preferences([tmp_path / "a.json"])
