import numpy as np
import pytest

from kukkiri.resampling import resize
from kukkiri.video.chroma import chroma_resizer, from_chroma_resizer, plane_resizer, to_chroma_resizer
from kukkiri.video.layouts import PlaneLayout

SITINGS = {"left": (-0.5, 0.0), "centre": (0.0, 0.0), "top left": (-0.5, -0.5)}


def places(count, siting):
    """Places of chroma samples in luma pixels: the middle of two, and the siting."""
    return 2 * np.arange(count) + 1 + siting


@pytest.mark.parametrize("siting", SITINGS.values(), ids=SITINGS)
@pytest.mark.parametrize("scale", [2.0, 3.0, 1.5])
def test_chroma_stays_where_it_is(siting, scale):
    """A plane whose samples say where they lie gives a larger plane whose samples do so, too, in its own pixels."""
    layout = PlaneLayout("yuv", subsampling=(2, 2), siting=siting)
    small, large = (20, 24), (round(20 * scale), round(24 * scale))
    resizer = chroma_resizer(small, large, scale=(scale, scale), layout=layout)
    for axis, offset in ((1, siting[0]), (0, siting[1])):
        ramp = np.broadcast_to(
            places(small[axis], offset)[:, None] if axis == 0 else places(small[axis], offset), small
        )
        inside = (slice(8, -8), slice(8, -8))
        expected = places(large[axis], offset) / scale
        found = resizer.resize(ramp)[inside]
        np.testing.assert_allclose(
            found, np.broadcast_to(expected[:, None] if axis == 0 else expected, large)[inside], atol=1e-4
        )


@pytest.mark.parametrize("siting", SITINGS.values(), ids=SITINGS)
def test_chroma_is_interpolated_at_the_luma_samples_and_reduced_again(siting):
    layout = PlaneLayout("yuv", subsampling=(2, 2), siting=siting)
    small, frame = (20, 24), (40, 48)
    ramp = np.broadcast_to(places(24, siting[0]), small)
    full = from_chroma_resizer(small, frame, layout=layout).resize(ramp)
    np.testing.assert_allclose(full[:, 8:-8], np.broadcast_to(np.arange(48) + 0.5, frame)[:, 8:-8], atol=1e-4)
    luma = np.broadcast_to(np.arange(48) + 0.5, frame)
    again = to_chroma_resizer(frame, small, layout=layout).resize(luma)
    np.testing.assert_allclose(again[:, 4:-4], ramp[:, 4:-4], atol=1e-4)


def test_without_siting_it_is_matlabs_bicubic():
    plane = np.random.default_rng(0).random((17, 23), dtype=np.float32)
    found = plane_resizer((17, 23), (51, 69), scale=(3.0, 3.0)).resize(plane)
    np.testing.assert_allclose(found, resize(plane, scale=3), atol=1e-6)


@pytest.mark.parametrize("scale", [3.0, 1.5, 0.6])
def test_any_rectangle_is_that_of_the_whole(scale):
    random = np.random.default_rng(1)
    plane = random.integers(0, 256, (90, 130), dtype=np.uint8)
    large = (round(90 * scale), round(130 * scale))
    resizer = plane_resizer((90, 130), large, scale=(scale, scale))
    whole = resizer.resize(plane)
    for _ in range(10):
        top, bottom = sorted(random.integers(0, large[0] + 1, 2))
        left, right = sorted(random.integers(0, large[1] + 1, 2))
        box = (slice(int(top), int(bottom)), slice(int(left), int(right)))
        np.testing.assert_allclose(resizer.resize(plane, box), whole[box], atol=1e-4)
