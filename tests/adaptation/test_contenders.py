import dataclasses
import json

import numpy as np
import pytest

from kukkiri.adaptation import adapt
from kukkiri.adaptation.contenders import ConfiguredAdaptation, adapting_models, choose_learners
from kukkiri.adaptation.estimated_degradation import estimate_degradation
from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError
from kukkiri.images import Image, read_image


@pytest.fixture(scope="module")
def photograph(photographs):
    """360x510 pixels of a photograph that ships with the tests."""
    return np.rint(255 * read_image(photographs / "es_station4.webp").colour[:360, :510]).astype(np.uint8)


def test_a_model_for_each_learner_and_number_of_steps_with_a_name_of_its_own():
    models = adapting_models(["zssr"], ["context-x2-direct"], steps=[1, 10], projections=4, precision="bfloat16")
    assert [model.name for model in models] == [
        "zssr(1)+4",
        "zssr(10)+4",
        "context-x2-direct(1)+4",
        "context-x2-direct(10)+4",
    ]
    assert [model.precision for model in models] == ["bfloat16", "bfloat16", None, None]  # zssr's only
    assert adapting_models(["zssr"], [])[0].name == "zssr"


def test_the_identity_changes_with_every_setting_and_with_the_bytes_of_the_weights(tmp_path):
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(b"one")
    base = {"method": None, "initialization": str(weights)}
    variants = [{}, {"steps": 3}, {"seed": 1}, {"projections": 2}, {"precision": "bfloat16"}]
    identities = [ConfiguredAdaptation(**base, **variant).identity for variant in variants]
    weights.with_suffix(".json").write_text(json.dumps({}), encoding="utf-8")
    identities.append(ConfiguredAdaptation(**base).identity)
    weights.write_bytes(b"two")
    identities.append(ConfiguredAdaptation(**base).identity)
    identities.append(ConfiguredAdaptation(method="zssr", initialization=None).identity)
    assert len(set(identities)) == len(identities)


def test_what_learns_by_default_depends_on_the_grid_and_the_scale():
    assert choose_learners("gaussian:2.0+direct", scale=2) == ([], ["context-x2-direct"])
    assert choose_learners("bicubic", scale=2) == ([], ["context-x2-bicubic"])
    assert choose_learners("bicubic", scale=3) == (["zssr"], [])


@pytest.mark.parametrize(
    ("options", "aligned"),
    [
        ({"scale": 2}, False),
        ({"scale": 2, "method": "zssr"}, True),
        ({"scale": 3}, True),
        ({"scale": 2, "initialization": "context-x2-direct"}, False),
        ({"scale": 2, "initialization": "context-x2-bicubic"}, True),
    ],
)
def test_an_estimated_kernel_is_aligned_unless_what_adapts_was_trained_on_direct_subsampling(
    photograph, options, aligned
):
    lr = Degradation.parse("disk:3.0+direct").apply(photograph, scale=options["scale"])
    found = estimate_degradation(Image.from_array(lr), **options)
    assert found.estimate is not None
    assert found.estimate.kind == "disk"  # a Gaussian before families competed
    assert found.degradation == Degradation.parse(f"{found.estimate.text}+direct{':aligned' if aligned else ''}")
    assert "confidence" in found.notes[0]
    assert "next best explanation" in found.notes[1]
    assert ("pixels up and left" in found.notes[-1]) is not aligned


def test_a_doubtful_estimate_leaves_bicubic_downscaling(photograph):
    lr = Image.from_array(Degradation.parse("bicubic").apply(photograph, scale=2))
    cases = {
        "no blur beyond that of bicubic downscaling": lr,
        "was compressed with loss": dataclasses.replace(lr, lossy=True),
        "expected at least 64x64": Image.from_array(lr.colour[:40, :40]),
    }
    for reason, image in cases.items():
        found = estimate_degradation(image, scale=2)
        assert (str(found.degradation), found.estimate) == ("bicubic", None)
        assert reason in found.notes[0]
        assert "bicubic downscaling is assumed" in found.notes[0]


def test_an_estimate_is_of_direct_subsampling_only(photograph):
    with pytest.raises(ConfigError, match="subsample must be direct"):
        estimate_degradation(Image.from_array(photograph), scale=2, subsample="bicubic")


def test_adapt_takes_the_estimate_and_says_so_on_each_result(photograph):
    lr = Degradation.parse("gaussian:2.0+direct").apply(photograph, scale=2)
    by_estimate = adapt(lr, scale=2, kernel="estimate", steps=0, guarded=False)
    found = estimate_degradation(Image.from_array(lr), scale=2)
    assert by_estimate.degradation == found.degradation
    assert by_estimate.notes == found.notes
    given = adapt(lr, scale=2, kernel=str(found.degradation), steps=0, guarded=False)
    np.testing.assert_array_equal(by_estimate(lr), given(lr))
    assert by_estimate(Image.from_array(lr)).notes[: len(found.notes)] == found.notes
    assert given.notes == ()
