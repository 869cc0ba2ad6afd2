import json
import re

import numpy as np
import pytest

import kukkiri.pretrained
from kukkiri.errors import ConfigError, ModelError
from kukkiri.images import Image
from kukkiri.inference import Upscaler
from kukkiri.inference.dials import Dial, WeightPair, list_dials, plan_dial
from kukkiri.resampling import resize

LR = np.random.default_rng(0).random((24, 20, 3), dtype=np.float32)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Shipped ids alone, for the plans."""
    for family, scales in {
        "plain-m": (2, 3, 4), "plain-m-photo": (2, 4), "plain-m-vivid": (2, 4), "plain-m-vivid-photo": (2,),
        "sesr-s": (2, 4), "sesr-s-photo": (2,),
    }.items():  # fmt: skip
        for scale in scales:
            (tmp_path / f"{family}-x{scale}.json").write_text(json.dumps({"name": family}))
    monkeypatch.setattr(kukkiri.pretrained, "_folder", lambda: tmp_path)


def pairs(name, kind, **options):
    options = {"scale": None, "domain": "auto", **options}
    return plan_dial(name, name, Dial(kind, 0.5), **options).pairs


@pytest.mark.usefixtures("shop")
def test_vivid_pairs_the_weights_of_one_scale_and_domain():
    x2 = WeightPair("plain-m-x2", "plain-m-vivid-x2")
    x4 = WeightPair("plain-m-x4", "plain-m-vivid-x4")
    photo = WeightPair("plain-m-photo-x2", "plain-m-vivid-photo-x2")
    assert pairs("plain-m", "vivid") == (x2,)
    assert pairs("plain-m", "vivid", scale=4) == pairs("plain-m-x4", "vivid") == (x4,)
    assert pairs("plain-m", "vivid", scale=3) == (x4,)  # there is none for x3, so that x4 is resized
    assert pairs("plain-m", "vivid", scale=8) == (x2, x4)
    assert pairs("plain-m", "vivid", domain="photo") == pairs("plain-m-photo", "vivid") == (photo,)
    assert pairs("plain-m", "vivid", domain="photo", scale=8) == (photo, x4)
    plan = plan_dial("plain-m", "plain-m", Dial("vivid", 1), scale=2, domain="auto")
    assert (plan.domain, plan.has_photo) == ("clean", True)


@pytest.mark.usefixtures("shop")
def test_denoise_pairs_clean_and_photo_weights_in_the_first_run():
    first = WeightPair("plain-m-x2", "plain-m-photo-x2")
    assert pairs("plain-m", "denoise") == (first,)
    assert pairs("plain-m", "denoise", scale=8) == (first, WeightPair("plain-m-x4", None))


@pytest.mark.usefixtures("shop")
def test_dials_of_a_family_are_listed():
    assert list_dials("plain-m") == ["vivid", "denoise"]
    assert list_dials("sesr-s") == ["denoise"]
    assert list_dials("espcn") == []


@pytest.mark.usefixtures("shop")
def test_what_is_not_shipped_is_said():
    with pytest.raises(ModelError, match=r"^fast: no vivid weights for scale 4 are shipped\. Leave vivid out\.$"):
        Upscaler("fast", scale=4, vivid=0.5)
    with pytest.raises(ModelError, match="plain-m-x4: no vivid weights for photographs for scale 4 are shipped"):
        Upscaler("plain-m-x4", scale=4, vivid=0.5, weights="photo")
    with pytest.raises(ModelError, match="no pair of clean and photo weights for scale 4 are shipped"):
        pairs("sesr-s-x4", "denoise")
    with pytest.raises(ModelError, match="bicubic: vivid chooses weights between two shipped ones of a preset"):
        Upscaler("bicubic", vivid=0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vivid": 1.5}, "vivid must be a number from 0 to 1, got 1.5"),
        ({"denoise": float("nan")}, "denoise must be a number from 0 to 1, got nan"),
        ({"vivid": 0.5, "denoise": 0.5}, "Use one of them"),
        ({"denoise": 0.5, "weights": "photo"}, "between clean and photo weights, but photo was asked"),
        ({"vivid": 0.5, "degradation": "bicubic"}, "vivid and denoise choose among networks without a condition"),
    ],
)
def test_options_that_exclude_one_another(options, message):
    with pytest.raises(ConfigError, match=message):
        Upscaler("balanced", **options)


def test_denoise_with_the_shipped_weights_is_exact_at_both_ends():
    clean, photo = (Upscaler("fast", weights=weights)(LR) for weights in ("clean", "photo"))
    ends = [Upscaler("fast", denoise=position)(LR) for position in (0, 1)]
    assert np.array_equal(ends[0], clean)
    assert np.array_equal(ends[1], photo)


def test_denoise_in_between_takes_some_of_the_noise():
    rows = np.linspace(0.3, 0.7, 32)
    smooth = np.stack([np.add.outer(rows, rows[::-1]) / 2] * 3, axis=2).astype(np.float32)
    noise = np.random.default_rng(1).normal(0, 0.03, smooth.shape[:2])[..., None].astype(np.float32)
    truth = resize(smooth, scale=2)
    errors = [float(np.square(Upscaler("fast", denoise=at)(smooth + noise) - truth).mean()) for at in (0, 0.5, 1)]
    assert errors[0] > errors[1] > errors[2]


def test_denoise_holds_for_lossy_images_too():
    image = Image(colour=LR, lossy=True)
    upscaler = Upscaler("fast", denoise=0.25)
    assert upscaler.suited(image) is upscaler
    assert upscaler.describe_options() == {"denoise": 0.25}
    assert upscaler.engines[0].info.name == "sesr-s-x2-sesr-s-photo-x2-0.25"


def test_weights_of_two_graphs_are_refused():
    with pytest.raises(ModelError, match="plain-m-x4 and plain-m-photo-x4 are not two weight sets of one graph"):
        Upscaler("balanced", scale=4, denoise=0.5)


def test_vivid_at_x2_has_weights_for_clean_and_for_lossy_images():
    upscaler = Upscaler("balanced", scale=2, vivid=0.5)
    assert upscaler.engines[0].info.name == "plain-m-x2-plain-m-vivid-x2-0.5"
    (engine,) = upscaler.suited(Image(colour=LR, lossy=True)).engines
    assert "plain-m-vivid-photo" in engine.info.name


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("plain-m-vivid-x4", "vivid", "has the weights at vivid 1. Name plain-m-x4 for vivid 0.5, or drop vivid."),
        ("plain-m-vivid", "vivid", "has the weights at vivid 1. Name plain-m for vivid 0.5, or drop vivid."),
        ("plain-m-vivid-photo-x2", "vivid", "has the weights at vivid 1. Name plain-m-photo-x2 for vivid 0.5,"),
        ("plain-m-vivid-x2", "denoise", "at vivid 1, and denoise begins at those of vivid 0. Name plain-m-x2 for"),
        ("plain-m-vivid-photo-x2", "denoise", "denoise begins at those of vivid 0. Name plain-m-x2 for denoise 0.5"),
        (
            "plain-m-photo-x2",
            "denoise",
            "has the weights at denoise 1. Name plain-m-x2 for denoise 0.5, or drop denoise",
        ),
        ("plain-m-line-x2", "vivid", "has weights for line art, which vivid does not change. Name plain-m-x2 for"),
        ("plain-m-line", "denoise", "has weights for line art, which denoise does not change. Name plain-m for"),
    ],
)
def test_an_end_of_a_dial_names_its_beginning(name, kind, message):
    with pytest.raises(ModelError, match=re.escape(f"{name}: {message}" if message.startswith("has") else message)):
        Upscaler(name, **{kind: 0.5})
