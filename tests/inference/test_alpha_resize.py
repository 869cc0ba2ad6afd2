import numpy as np

from kukkiri.images import Image
from kukkiri.inference import Upscaler
from kukkiri.inference.alpha_resize import resize_alpha


def test_alpha_is_exactly_constant_where_it_was(rng):
    alpha = np.zeros((20, 30), np.float32)
    alpha[:, 15:] = 1
    for size in ((60, 90), (50, 77), (20, 31), (7, 11)):
        resized = resize_alpha(alpha, size)
        edge = size[1] / 2
        radius = 3 * max(1.0, size[1] / 30)  # two LR pixels of the cubic kernel and one for the phase
        assert np.all(resized[:, : int(edge - radius)] == 0)
        assert np.all(resized[:, int(edge + radius) + 1 :] == 1)
        assert resized.min() >= 0
        assert resized.max() <= 1


def test_no_fringe_around_a_cut_out_object(numpy_engine):
    rgba = np.zeros((24, 24, 4), np.uint8)  # black under alpha 0
    rgba[6:18, 6:18] = (200, 100, 50, 255)
    for upscaler in (Upscaler("bicubic", scale=3), Upscaler(numpy_engine(scale=3, colour="rgb", gain=1.0))):
        upscaled = upscaler(rgba)
        shown = upscaled[upscaled[..., 3] > 0][:, :3].astype(int)
        assert np.abs(shown - (200, 100, 50)).max() <= 1  # every pixel that shows at all has the object's colour


def test_an_opaque_image_stays_opaque_and_a_clear_one_clear(rng):
    for value in (0, 65535):
        rgba = rng.integers(0, 65536, (7, 9, 4), dtype=np.uint16)
        rgba[..., 3] = value
        assert np.all(Upscaler("bicubic", scale=2.5)(rgba)[..., 3] == value)


def test_alpha_keeps_the_depth(rng):
    image = Image.from_array(rng.integers(0, 65536, (7, 9, 2), dtype=np.uint16))
    upscaled = Upscaler("bicubic", scale=2)(image)
    assert (upscaled.depth, upscaled.size, upscaled.alpha.shape) == (16, (14, 18), (14, 18))
