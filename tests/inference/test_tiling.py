import numpy as np
import pytest

from kukkiri import pretrained
from kukkiri.errors import ConfigError, ImageError
from kukkiri.inference import Footprint, OnnxEngine, SeamScore, Upscaler
from kukkiri.inference.tiling import choose_tile, run_pass
from tests.tolerances import FLOAT32_NETWORK, FLOAT32_SAME_MATHS

SIZES = [(61, 47), (33, 90)]


def difference(engine, size, tile, rng):
    lr = rng.random((1, engine.info.channels, *size), dtype=np.float32)
    seams = SeamScore()
    whole = run_pass(engine, lr, tile=None, seams=seams)
    tiled = run_pass(engine, lr, tile=tile, seams=seams)
    scale = 1 if engine.info.pre_upsampled else engine.info.scale
    assert whole.shape == tiled.shape == (1, engine.info.channels, scale * size[0], scale * size[1])
    assert not seams.seams
    return np.abs(whole - tiled).max(), whole.std()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "tile"), [("espcn", 21), ("fsrcnn", 25), ("srcnn", 19)])
def test_tiled_equals_whole(exported, name, tile, size, rng):
    error, spread = difference(OnnxEngine(exported[name], threads=1), size, (tile, tile), rng)
    assert error <= FLOAT32_NETWORK
    assert spread > 1e-3  # and there is something to compare


def test_tiled_equals_whole_with_a_size_multiple(exported, rng):
    engine = OnnxEngine(exported["rrdbnet"], threads=1)
    side = 2 * engine.info.receptive_field + 12
    error, spread = difference(engine, (side + 21, side + 8), (side, side), rng)
    assert error <= FLOAT32_NETWORK
    assert spread > 1e-3


LOCAL = [name for name in pretrained.list_models() if pretrained.read_card(name)["receptive_field"] is not None]


@pytest.mark.parametrize("model_id", LOCAL)
def test_tiled_equals_whole_on_the_shipped_models(model_id, rng):
    engine = OnnxEngine(pretrained.locate(model_id, ".onnx"), threads=1)
    error, _ = difference(engine, (57, 71), (33, 40), rng)
    assert error <= FLOAT32_NETWORK


def test_a_margin_that_is_too_small_would_be_found(numpy_engine, rng):
    assert difference(numpy_engine(receptive_field=1), (20, 20), (7, 7), rng)[0] <= FLOAT32_SAME_MATHS
    assert difference(numpy_engine(receptive_field=0), (20, 20), (7, 7), rng)[0] > 1e-2


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (8, 9)])
def test_a_size_multiple_is_met_by_mirroring_and_cropped(numpy_engine, size, rng):
    engine = numpy_engine(multiple=4, scale=3)
    lr = rng.random((1, 1, *size), dtype=np.float32)
    sr = run_pass(engine, lr, tile=None, seams=SeamScore())
    plain = run_pass(numpy_engine(scale=3), lr, tile=None, seams=SeamScore())
    assert sr.shape == plain.shape
    inner = (..., slice(None), slice(0, 3 * (size[1] - 1)))  # the filter looks one pixel up and to the right
    assert np.array_equal(sr[inner], plain[inner])


def test_blended_tiles_of_a_local_network_agree(numpy_engine, rng):
    lr = rng.random((1, 1, 300, 220), dtype=np.float32)
    local, seams = numpy_engine(receptive_field=None), SeamScore()
    tiled = run_pass(local, lr, tile=(130, 140), seams=seams)
    assert np.abs(tiled - local.run(lr)).max() <= FLOAT32_SAME_MATHS
    assert seams.seams
    assert seams.maximum <= FLOAT32_SAME_MATHS


def test_the_seam_score_is_the_disagreement_of_neighbours(numpy_engine):
    lr = np.zeros((1, 1, 140, 240), np.float32)
    lr[..., 120:] = 1.0
    engine, seams = numpy_engine(receptive_field=None, scale=1, gain=0.0, global_gain=1.0), SeamScore()
    # two tiles, columns 0..152 and 88..240: their means are 32/152 and 120/152, over 64 shared columns
    sr = run_pass(engine, lr, tile=(140, 152 + 32), seams=seams)
    assert [shape[-1] for shape in engine.seen] == [152, 152]
    assert seams.maximum == pytest.approx(88 / 152, abs=FLOAT32_SAME_MATHS)
    assert seams.mean == pytest.approx(88 / 152, abs=FLOAT32_SAME_MATHS)
    row = sr[0, 0, 0]
    assert row[0] == pytest.approx(32 / 152, abs=FLOAT32_SAME_MATHS)
    assert row[-1] == pytest.approx(120 / 152, abs=FLOAT32_SAME_MATHS)
    assert np.diff(row).max() <= 88 / 152 / 32 + 1e-6  # a straight ramp instead of a jump


def test_a_note_tells_about_seams(numpy_engine, rng):
    from kukkiri.images import Image

    image = Image.from_array(rng.random((150, 300), dtype=np.float32))
    engine = numpy_engine(receptive_field=None, scale=2, gain=0.5, global_gain=0.3)
    upscaled = Upscaler(engine, tile=160)(image)
    assert len(upscaled.notes) == 1
    assert "blended tiles" in upscaled.notes[0]
    assert Upscaler(engine, tile=0)(image).notes == ()


def test_the_whole_image_is_taken_while_memory_allows(numpy_engine):
    engine = numpy_engine(footprint=Footprint(linear=50.0))  # counts 100 bytes a pixel
    assert choose_tile(engine, (100, 200), budget=2_000_000) is None
    assert choose_tile(engine, (100, 200), budget=1_999_999) == (99, 200)


def test_strips_come_before_squares(numpy_engine):
    engine = numpy_engine(footprint=Footprint(linear=50.0), receptive_field=4)
    assert choose_tile(engine, (1000, 2000), budget=100 * 2000 * 24) == (24, 2000)
    assert choose_tile(engine, (1000, 2000), budget=100 * 2000 * 23) == (214, 214)


def test_tiles_keep_to_the_size_multiple(numpy_engine):
    engine = numpy_engine(footprint=Footprint(linear=50.0), multiple=8)
    rows, width = choose_tile(engine, (999, 1000), budget=20_000_000)
    assert rows % 8 == 0
    assert width == 1000


def test_too_little_memory_for_the_smallest_tile_is_said(numpy_engine):
    engine = numpy_engine(footprint=Footprint(linear=50.0), receptive_field=20)
    with pytest.raises(ImageError, match="the smallest tile, 41x41, needs"):
        choose_tile(engine, (1000, 2000), budget=100_000)


def test_a_tile_without_room_for_a_core_is_refused(numpy_engine):
    with pytest.raises(ConfigError, match="a tile of 20 pixels is too small"):
        Upscaler(numpy_engine(receptive_field=10), tile=20)(np.zeros((50, 50), np.uint8))
