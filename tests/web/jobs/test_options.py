"""Options over HTTP: texts and JSON values mean the same, and every mistake is said in words."""

import json

import pytest

from kukkiri.errors import ConfigError, ModelError
from kukkiri.web.jobs.options import JobOptions, list_names


def test_texts_of_a_query_and_json_values_mean_the_same():
    text = {"width": "640", "fit": "", "format": ".PNG", "quality": "90", "ensemble": "true", "stretch": "0"}
    options = JobOptions.from_json(text)
    assert options == JobOptions(width=640, format="png", quality=90, ensemble=True)
    assert JobOptions.from_json(json.loads(json.dumps(options.as_json()))) == options
    assert JobOptions.restore(options.as_json()) == options


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ({"fit": "3840x2160"}, {"fit": (3840, 2160)}),
        ({"fit": [3840, 2160]}, {"fit": (3840, 2160)}),
        ({"print_size": "10x15cm", "dpi": "300"}, {"print_size": (100.0, 150.0), "dpi": 300.0}),
        ({"print_size": "4x6in"}, {"print_size": (101.6, 152.4)}),
    ],
)
def test_pairs_are_read(values, read):
    options = JobOptions.from_json(values)
    for name, value in read.items():
        assert getattr(options, name) == pytest.approx(value)


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"scael": 2}, ConfigError, "unknown option 'scael'; did you mean 'scale'?"),
        ({"scale": "0.5"}, ConfigError, "scale must be a number of at least 1, got 0.5."),
        ({"scale": "nan"}, ConfigError, "scale must be a finite number, got 'nan'."),
        ({"scale": True}, ConfigError, "scale must be a number, got True."),
        ({"scale": "9" * 400}, ConfigError, "scale must be a number, got '9999"),
        ({"width": 2.5}, ConfigError, "width must be a whole number, got 2.5."),
        ({"width": -3}, ConfigError, "width must be positive, got -3."),
        ({"scale": 2, "width": 10}, ConfigError, "a scale and a size both say how large the result is."),
        ({"width": 10, "megapixels": 2}, ConfigError, "width and height and megapixels each say"),
        ({"fit": "10"}, ConfigError, "fit must be width x height in pixels, such as 3840x2160, got '10'."),
        ({"format": "pdf"}, ConfigError, "cannot write 'pdf'"),
        ({"quality": 101}, ConfigError, "quality must be 1 to 100, got 101."),
        ({"page": 0}, ConfigError, "page must be at least 1, got 0."),
        ({"metadata": "all"}, ConfigError, "unknown metadata 'all'. Known: keep, strip, copyright."),
        ({"preset": "fats"}, ConfigError, "unknown preset 'fats'; did you mean 'fast'?"),
        ({"model": "/etc/passwd"}, ModelError, "no model '/etc/passwd'. Known: bicubic"),
        ({"model": "bicubic", "weights": "photo"}, ModelError, "bicubic: is one model, so there is no photo"),
        ({"model": "bicubic", "skip_flat": True}, ConfigError, "skip_flat saves runs of a network"),
        ({"denoise": 1.5}, ConfigError, "denoise must be a number from 0 to 1, got 1.5."),
        ({"vivid": "-1"}, ConfigError, "vivid must be a number from 0 to 1, got -1.0."),
        ({"vivid": "much"}, ConfigError, "vivid must be a number, got 'much'."),
        ({"vivid": 1, "denoise": 1}, ConfigError, "vivid and denoise both choose weights between two"),
        ({"weights": "photo", "denoise": 1}, ConfigError, "denoise 1 lies between clean and photo weights"),
        ({"ensemble": "perhaps"}, ConfigError, "ensemble must be true or false, got 'perhaps'."),
    ],
)
def test_mistakes_are_said_in_words(values, kind, words):
    with pytest.raises(kind) as caught:
        JobOptions.from_json(values)
    assert words in str(caught.value)


def test_equal_requests_have_equal_keys_and_others_have_not():
    usual = JobOptions(scale=2)
    assert usual.key() == JobOptions.from_json({"scale": "2", "preset": "balanced", "format": "same"}).key()
    others = [JobOptions(), JobOptions(scale=3), JobOptions(scale=2, preset="fast"), JobOptions(scale=2, format="png")]
    others += [JobOptions(scale=2, vivid=0.5), JobOptions(scale=2, denoise=0.5)]
    assert len({usual.key(), *(options.key() for options in others)}) == 7


def test_families_presets_interpolations_and_models_are_names():
    assert {"bicubic", "fast", "espcn", "plain-s-photo", "espcn-x3"} <= set(list_names())
