import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kukkiri.degradations import Degradation, gaussian_kernel, load_kernel, save_kernel
from kukkiri.degradations.linear import blur, blur_downsample, subsample
from kukkiri.degradations.steps.blurs import (
    ArrayBlur,
    DiskBlur,
    FileBlur,
    GaussianBlur,
    GaussianSigmaBlur,
    GeneralizedGaussianBlur,
    MotionBlur,
    PlateauBlur,
    ShakeBlur,
    SincBlur,
)
from kukkiri.degradations.steps.compression import Jpeg
from kukkiri.degradations.steps.noise import Noise, Poisson
from kukkiri.degradations.steps.photo import Photo
from kukkiri.degradations.steps.real import Real
from kukkiri.degradations.steps.resizing import Resize
from kukkiri.degradations.steps.rounding import Round
from kukkiri.degradations.steps.subsampling import Direct, Imresize
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import quantize
from tests.tolerances import FLOAT64_FEW_OPERATIONS, FLOAT64_MATHS, FLOAT64_SUMS

positive = st.floats(min_value=1e-3, max_value=1e3)
angles = st.floats(min_value=-7, max_value=7)
sizes = st.none() | st.integers(1, 41)
borders = st.sampled_from(["symmetric", "reflect", "replicate", "wrap"])
blurs = st.one_of(
    *(
        st.builds(kind, *numbers, size=sizes, border=borders)
        for kind in (GaussianBlur, GaussianSigmaBlur)
        for numbers in ((positive,), (positive, positive), (positive, positive, angles))
    ),
    *(
        st.builds(kind, positive, positive, angles, st.floats(0.2, 5), size=sizes, border=borders)
        for kind in (GeneralizedGaussianBlur, PlateauBlur)
    ),
    st.builds(DiskBlur, st.floats(0.1, 20), border=borders),
    st.builds(MotionBlur, st.floats(1, 30), st.none() | angles, border=borders),
    st.builds(SincBlur, st.floats(0.1, 3.1), size=sizes),
    st.builds(ShakeBlur, st.integers(0, 10**9), size=st.integers(5, 31)),
    st.builds(FileBlur, st.text(min_size=1, max_size=20), border=borders),
    st.lists(st.floats(0.1, 1e20), min_size=2, max_size=12).map(
        lambda weights: ArrayBlur(tuple(weights[: len(weights) // 2 * 2]), rows=2)
    ),
)
resizes = st.builds(
    Resize, st.floats(0.02, 50), st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"]), st.booleans()
)
damage = st.one_of(
    st.builds(Noise, st.floats(0, 10), st.booleans()),
    st.builds(Poisson, st.floats(1e-3, 1e9), st.booleans()),
    st.builds(Jpeg, st.integers(1, 100), st.sampled_from([None, 420, 444])),
    st.just(Round()),
)
samplers = st.one_of(
    st.builds(Imresize, st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"])),
    st.builds(Real, st.sampled_from([1, 2])),
    st.just(Photo()),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(blurs | resizes | damage, max_size=3), samplers, st.lists(blurs | damage, max_size=3))
def test_the_text_form_reads_back_as_the_same_degradation(before, sampler, after):
    degradation = Degradation((*before, sampler, *after))
    assert Degradation.parse(str(degradation)) == degradation


@pytest.mark.parametrize(
    "text",
    [
        "bicubic",
        "bd",
        "dn",
        "real",
        "real:1",
        "photo",
        "bicubic+jpeg:60,444",
        "direct",
        "gaussian:4.0,1.0,-0.5+direct",
        "gaussian-sigma:1.3+bicubic+noise:0.02+jpeg:75",
        "gaussian:2.0,size=15+direct:aligned",
        "bicubic+gaussian:2.0,border=wrap",
        "file:kernels/my kernel.npy+direct+noise:0.01,grey",
        "array:0.25,0.5,0.25,rows=1+nearest",
        "resize:0.5,bilinear,aliased+bicubic+8bit+poisson:100.0",
    ],
)
def test_documented_forms_are_their_own_text(text):
    assert str(Degradation.parse(text)) == text


def test_presets_are_those_of_the_literature():
    assert Degradation.parse("bd").steps == (
        GaussianSigmaBlur(1.6, size=7, border="replicate"),
        Round(),
        Imresize("nearest"),
    )
    assert str(Degradation((Imresize("bicubic"), Round(), Noise(30 / 255)))) == "dn"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gausian:2+direct", r"unknown degradation step 'gausian'; did you mean 'gaussian'\? Known: bicubic"),
        ("gaussian:2", r"no step that subsamples, expected one\. Add \+direct or \+bicubic"),
        ("direct+bicubic", r"2 steps that subsample, expected one\. Keep one of them"),
        ("gaussian+direct", r"cannot read 'gaussian': it has 0 numbers, 1 to 3 expected\. Write gaussian:VARIANCE\[,"),
        ("gaussian:-2+direct", "variance must be positive"),
        ("gaussian:nan+direct", "must be finite"),
        ("gaussian:2,sise=9+direct", r"'sise=9' means nothing there; did you mean 'size='\?"),
        ("gaussian:2,wide+direct", "'wide' means nothing there"),
        ("gaussian:2,size=big+direct", "'big' is not a whole number"),
        ("gaussian:2,size=9999+direct", "size must be 1 to 501, got 9999"),
        ("gaussian:2,border=mirror+direct", "unknown border 'mirror'. Known: symmetric"),
        ("array:1,2,3,rows=2+direct", "3 weights do not fill 2 rows"),
        ("array:1,2+direct", "rows is missing. Write array:WEIGHT"),
        ("file:+direct", "'file' names no kernel"),
        ("bicubic:aligned", "bicubic is aligned by itself"),
        ("direct:aligned", "moves the kernel before it, but there is none"),
        ("resize:0.5+direct", "nothing may resize before it"),
        ("resize:0+bicubic", r"factor must be 0\.01 to 100"),
        ("resize:2,cubic+bicubic", r"'cubic' means nothing there; did you mean 'bicubic'\?"),
        ("resize+bicubic", r"0 numbers, 1 expected\. Write resize:FACTOR"),
        ("bicubic+noise:11", "0 to 10"),
        (
            "bicubic+noise:0.1,colour",
            r"cannot read 'noise:0.1,colour': 'colour' means nothing there\. .* Write noise:STD",
        ),
        ("bicubic+poisson:0", "photons"),
        ("bicubic+jpeg:0", "1 to 100, got 0"),
        ("bicubic+jpeg:75,422", "420 or 444, got 422"),
        ("bicubic+jpeg:75.5", r"75\.5 is not a whole number. Write jpeg:QUALITY"),
        ("real:3", "order must be 1 or 2"),
        ("bicubic+noise:0.1,grey,grey", "'grey' is there twice"),
        ("file:k.npy,3+direct", "'3' means nothing there"),
        ("bicubic:3", r"'3' means nothing there\. Write bicubic\."),
        ("direct:moved", r"Known: aligned\. Write direct\[:aligned\]"),
        ("bd+noise:0.1", "'bd' is a whole degradation"),
        ("", "unknown degradation step ''"),
    ],
)
def test_bad_texts_say_what_is_wrong(text, message):
    with pytest.raises(ConfigError, match=message):
        Degradation.parse(text)


def test_steps_of_a_float_image_happen_in_their_order(rng):
    hr, kernel = rng.uniform(size=(24, 30, 3)), gaussian_kernel(4.0, 1.0, -0.5)
    direct = Degradation.parse("gaussian:4,1,-0.5+direct").apply(hr, scale=2)
    np.testing.assert_allclose(direct, blur_downsample(hr, kernel, scale=2), atol=FLOAT64_SUMS)
    last = Degradation.parse("bicubic+gaussian:4,1,-0.5").apply(hr, scale=2)
    np.testing.assert_allclose(last, blur(subsample(hr, scale=2), kernel), atol=FLOAT64_SUMS)


def test_an_8_bit_image_is_rounded_once_unless_asked(rng):
    hr = rng.integers(0, 256, size=(24, 30, 3), dtype=np.uint8)
    kernel = gaussian_kernel(1.3)
    expected = quantize(subsample(blur(hr / 255, kernel), scale=3), 8)
    np.testing.assert_array_equal(Degradation.parse("gaussian:1.3+bicubic").apply(hr, scale=3), expected)
    twice = subsample(quantize(blur(hr / 255, kernel), 8), scale=3)
    np.testing.assert_array_equal(Degradation.parse("gaussian:1.3+8bit+bicubic").apply(hr, scale=3), twice)
    np.testing.assert_array_equal(Degradation.parse("bicubic").apply(hr, scale=3), subsample(hr, scale=3))


def test_bd_blurs_rounds_and_keeps_the_middle_pixel(rng):
    ndimage = pytest.importorskip("scipy.ndimage")
    hr = rng.integers(0, 256, size=(24, 30), dtype=np.uint8)
    axis = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.6**2))
    kernel = np.outer(axis, axis) / axis.sum() ** 2
    blurred = ndimage.correlate(hr.astype(float), kernel, mode="nearest")
    lr = Degradation.parse("bd").apply(hr, scale=3)
    np.testing.assert_array_equal(lr, np.floor(blurred + 0.5)[1::3, 1::3])


def test_a_seed_repeats_noise_and_photo_and_another_does_not(rng):
    hr = rng.uniform(size=(48, 40, 3)).astype(np.float32)
    for text in ("dn", "photo", "real", "real:1"):
        degradation = Degradation.parse(text)
        first = degradation.apply(hr, scale=4, seed=3)
        assert first.shape == (12, 10, 3)
        assert first.dtype == np.float32
        np.testing.assert_array_equal(first, degradation.apply(hr, scale=4, seed=3))
        assert np.abs(first - degradation.apply(hr, scale=4, seed=4)).max() > 0.01


def test_dn_adds_noise_of_30_levels(rng):
    hr = np.full((300, 300, 3), 128, dtype=np.uint8)
    lr = Degradation.parse("dn").apply(hr, scale=3, seed=0).astype(float)
    assert lr.std() == pytest.approx(30, abs=0.5)  # 30,000 samples: 30 / sqrt(60,000) = 0.12, four of them


def test_arrays_and_files_are_kernels_too(rng, tmp_path):
    hr, kernel = rng.uniform(size=(20, 20)), gaussian_kernel(3.0, 1.0, 0.4, size=9)
    expected = blur_downsample(hr, kernel, scale=2)
    save_kernel(kernel, tmp_path / "a+b,c=d.npy")
    by_array = Degradation.from_kernel(kernel)
    by_file = Degradation((FileBlur(path=str(tmp_path / "a+b,c=d.npy")), Direct()))
    np.testing.assert_allclose(by_array.apply(hr, scale=2), expected, atol=FLOAT64_FEW_OPERATIONS)
    np.testing.assert_allclose(
        Degradation.parse(str(by_array)).apply(hr, scale=2), expected, atol=FLOAT64_FEW_OPERATIONS
    )
    np.testing.assert_allclose(
        Degradation.parse(str(by_file)).apply(hr, scale=2), expected, atol=FLOAT64_FEW_OPERATIONS
    )
    np.testing.assert_array_equal(load_kernel(tmp_path / "a+b,c=d.npy"), kernel)


@pytest.mark.parametrize("text", ["gaussian:3.0", "gaussian:3.0,size=20", "shake:5", "array:1,2,3,4,5,6,7,8,9,rows=3"])
def test_aligned_images_lie_on_the_bicubic_grid(text):
    hr = np.add.outer(np.arange(90.0), 2 * np.arange(90.0)) / 300
    lr = Degradation.parse(f"{text}+direct:aligned").apply(hr, scale=3)
    inner = (slice(9, -9),) * 2
    np.testing.assert_allclose(lr[inner], subsample(hr, scale=3)[inner], atol=2e-4)  # the spline's error


@pytest.mark.parametrize(
    "text", ["bicubic", "gaussian:2.0+direct", "gaussian:2.0+bicubic", "bd", "gaussian:1+disk:2+direct:aligned"]
)
@pytest.mark.parametrize("scale", [2, 3])
def test_the_effective_kernel_does_the_same_with_direct_subsampling(rng, text, scale):
    hr = rng.uniform(size=(40 * scale, 40 * scale))
    degradation = Degradation.parse(text.replace("bd", "gaussian-sigma:1.6,size=7,border=replicate+nearest"))
    kernel = degradation.effective_kernel(scale=scale)
    inner = (slice(12, -12),) * 2
    mine = blur_downsample(hr, kernel, scale=scale)[inner]
    np.testing.assert_allclose(mine, degradation.apply(hr, scale=scale)[inner], atol=FLOAT64_MATHS)


def test_covariances_of_blurs_add_up_and_those_behind_the_subsampling_do_not_count():
    both = Degradation.parse("gaussian:2.0+gaussian:3.0,1.0,0.0+direct").blur_covariance(scale=2)
    assert both == pytest.approx((5.0, 3.0, 0.0), abs=2e-2)  # kernels end somewhere
    behind = Degradation.parse("gaussian:2.0+bicubic+gaussian:9.0").blur_covariance(scale=2)
    assert behind == pytest.approx((2.0, 2.0, 0.0), abs=2e-2)
    moved = Degradation.parse("gaussian:2.0+direct:aligned").blur_covariance(scale=2)
    assert moved == pytest.approx((2.0, 2.0, 0.0), abs=2e-2)  # wherever its centre is
    assert Degradation.parse("bicubic").blur_covariance(scale=2) == (0, 0, 0)


@pytest.mark.parametrize("text", ["bilinear", "resize:0.5+bicubic", "8bit+direct", "photo", "bicubic+gaussian:2.0"])
def test_steps_that_are_not_one_kernel_have_no_effective_kernel(text):
    with pytest.raises(ValueError, match="cannot be written as one kernel"):
        Degradation.parse(text).effective_kernel(scale=2)


def test_the_effective_kernel_leaves_out_noise_and_jpeg_of_lr():
    plain, noisy = (Degradation.parse(f"gaussian:2.0+bicubic{end}") for end in ("", "+noise:0.1+jpeg:50"))
    np.testing.assert_array_equal(noisy.effective_kernel(scale=2), plain.effective_kernel(scale=2))


@pytest.mark.parametrize("path", [" k.npy", "k.npy ", " ", "a b.npy"])
def test_blanks_of_a_path_are_kept(path):
    assert Degradation.parse(str(Degradation((FileBlur(path), Direct())))).steps[0].path == path


def test_a_number_that_is_left_out_before_another_is_refused():
    with pytest.raises(ConfigError, match="gaussian: a number before angle is missing"):
        GaussianBlur(2.0, angle=0.3)


def test_many_images_have_their_own_noise(rng):
    hr = np.full((8, 8), 0.5)
    first, second = Degradation.parse("bicubic+noise:0.1").apply_all([hr, hr], scale=2, seed=1)
    assert np.abs(first - second).max() > 0.01


def test_wrong_images_are_refused():
    with pytest.raises(ImageError, match=r"9x8 .* not a multiple of scale 2"):
        Degradation.parse("bicubic").apply(np.zeros((9, 8)), scale=2)
    with pytest.raises(TypeError, match="got int64"):
        Degradation.parse("bicubic").apply(np.zeros((8, 8), dtype=np.int64), scale=2)
    with pytest.raises(TypeError, match="not a blur"):
        Degradation.parse("bicubic").blur_kernel(0, scale=2)
