import dataclasses
import shutil

import numpy as np
import pytest

from kukkiri import Upscaler, pretrained
from kukkiri.errors import ConfigError, ModelError
from kukkiri.images import Image
from kukkiri.inference.families import choose_scales

SHIPPED = pretrained._folder()


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """ESPCN as the clean network, FSRCNN as the one for photographs, at the scales that are to be shipped."""
    for name, origin in {
        **{f"espcn-x{scale}": f"espcn-x{scale}" for scale in (2, 3, 4)},
        **{f"espcn-photo-x{scale}": f"fsrcnn-x{scale}" for scale in (2, 4)},
        "fsrcnn-x2": "fsrcnn-x2",
    }.items():
        for suffix in (".onnx", ".json"):
            shutil.copy(SHIPPED / f"{origin}{suffix}", tmp_path / f"{name}{suffix}")
    monkeypatch.setattr(pretrained, "_folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def image(rng):
    return Image.from_array(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8))


def stems(upscaler):
    return [engine.path.stem for engine in upscaler.engines]


def test_a_lossy_image_gets_the_photo_network_and_another_the_clean_one(shop, image):
    upscaler = Upscaler("espcn", scale=2, threads=1)
    lossy = dataclasses.replace(image, lossy=True)
    clean, photo = (Upscaler(name, threads=1) for name in ("espcn-x2", "espcn-photo-x2"))
    assert np.array_equal(upscaler(image).colour, clean(lossy).colour)
    assert np.array_equal(upscaler(lossy).colour, photo(image).colour)
    assert np.abs(upscaler(lossy).colour - upscaler(image).colour).max() > 0.01
    assert np.array_equal(upscaler(image.to_array()), clean(image.to_array()))  # an array is clean
    assert upscaler.suited(lossy) is upscaler.suited(lossy)
    assert (upscaler.suited(image), upscaler.domain) == (upscaler, "clean")
    assert upscaler.suited(lossy).domain == "photo"


def test_the_degradation_domain_can_be_chosen(shop, image):
    lossy = dataclasses.replace(image, lossy=True)
    clean, photo = (Upscaler("espcn", scale=2, weights=weights, threads=1) for weights in ("clean", "photo"))
    assert stems(clean.suited(lossy)) == ["espcn-x2"]
    assert stems(photo.suited(image)) == ["espcn-photo-x2"]
    assert (clean.domain, photo.domain) == ("clean", "photo")
    assert stems(Upscaler("espcn-photo", scale=4)) == ["espcn-photo-x4"]


@pytest.mark.parametrize(
    ("scale", "chain"),
    [
        (2, ["espcn-photo-x2"]),
        (3, ["espcn-photo-x4"]),  # there is none for x3: one run of x4, downscaled
        (6, ["espcn-photo-x2", "espcn-x3"]),
        (16, ["espcn-photo-x4", "espcn-x4"]),
        (30, ["espcn-photo-x2", "espcn-x4", "espcn-x4"]),
    ],
)
def test_after_a_photo_network_the_image_is_clean(shop, image, scale, chain):
    upscaler = Upscaler("espcn", scale=scale)
    assert stems(upscaler.suited(dataclasses.replace(image, lossy=True))) == chain
    assert stems(Upscaler("espcn", scale=scale, weights="photo")) == chain
    assert "espcn-photo" not in " ".join(stems(upscaler))


def test_one_set_of_photo_weights_is_followed_by_clean_ones(shop):
    assert stems(Upscaler("espcn-photo-x2")) == ["espcn-photo-x2"]
    assert stems(Upscaler("espcn-photo-x2", scale=6)) == ["espcn-photo-x2", "espcn-x3"]
    assert Upscaler("espcn-photo-x4").scale == 4


def test_without_photo_weights_a_lossy_image_is_upscaled_as_ever(shop, image):
    upscaler = Upscaler("fsrcnn", scale=2, threads=1)
    assert not upscaler.has_photo
    assert upscaler.suited(dataclasses.replace(image, lossy=True)) is upscaler
    with pytest.raises(ModelError, match="no weights for the degradation domain photo are shipped"):
        Upscaler("fsrcnn", weights="photo")


@pytest.mark.parametrize(
    ("model", "weights", "message"),
    [
        ("espcn-x2", "photo", "is one model"),
        ("bicubic", "photo", "is one model"),
        ("bicubic", "clean", "is one model"),
        ("espcn-photo-x2", "clean", "is for photographs"),
        ("espcn-photo-x3", "auto", "no file, preset or model"),
    ],
)
def test_a_domain_that_cannot_be_is_refused(shop, model, weights, message):
    with pytest.raises(ModelError, match=message):
        Upscaler(model, weights=weights)


def test_one_named_model_keeps_its_domain_for_lossy_images(shop, image):
    upscaler = Upscaler("espcn-x2")
    assert upscaler.domain == "clean"
    assert not upscaler.has_photo
    assert Upscaler(shop / "espcn-x2.onnx").domain is None
    assert Upscaler("bicubic").domain is None


def test_the_first_run_may_be_limited_to_other_scales():
    assert choose_scales([2, 3, 4], 5, first=[2]) == [2, 3]
    assert choose_scales([2, 3, 4], 5, first=[4]) == [4, 2]
    assert choose_scales([2, 3, 4], 3, first=[2, 4]) == [4]
    assert choose_scales([2], 8, first=[4]) == [4, 2]


def test_an_unknown_domain_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="unknown weights 'foto'; did you mean 'photo'"):
        Upscaler("fast", weights="foto")
