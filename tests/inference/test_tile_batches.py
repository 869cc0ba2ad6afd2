import numpy as np
import pytest

from kukkiri import pretrained
from kukkiri.images import plan_tiles
from kukkiri.inference import OnnxEngine, SeamScore
from kukkiri.inference.graph_session import Batching
from kukkiri.inference.tile_batches import even_out
from kukkiri.inference.tile_progress import TileProgress
from kukkiri.inference.tiling import choose_strip, run_pass
from tests.tolerances import FLOAT32_SAME_MATHS


def test_tiles_of_one_size_keep_what_they_kept():
    tiles = plan_tiles((40, 61), tile=24, overlap=3, multiple=2)
    even = even_out(tiles, (40, 61))
    assert {tile.size for tile in even} == {max(tile.size for tile in tiles)}
    assert len({tile.size for tile in tiles}) > 1
    for before, after in zip(tiles, even, strict=True):
        assert after.write == before.write
        for old, new, length in zip(before.read, after.read, (40, 61), strict=True):
            assert 0 <= new.start <= old.start
            assert old.stop <= new.stop <= length


@pytest.mark.parametrize("model_id", ["plain-s-x2", "fsrcnn-x3"])
def test_batches_of_tiles_equal_single_tiles_and_the_whole(model_id, rng):
    engine = OnnxEngine(pretrained.locate(model_id, ".onnx"), threads=1)
    lr = rng.random((1, 1, 83, 101), dtype=np.float32)
    whole = run_pass(engine, lr, tile=None, seams=SeamScore())
    single = run_pass(engine, lr, tile=(40, 40), seams=SeamScore())
    engine.batching = Batching(side=40, pixels=5 * 40 * 40)
    batched = run_pass(engine, lr, tile=None, seams=SeamScore())
    assert np.abs(batched - single).max() <= FLOAT32_SAME_MATHS
    assert np.abs(batched - whole).max() <= FLOAT32_SAME_MATHS


def test_every_run_gets_one_size(numpy_engine, rng):
    engine = numpy_engine()
    engine.batching = Batching(side=32, pixels=4 * 32 * 32)
    lr = rng.random((1, 1, 70, 90), dtype=np.float32)
    batched = run_pass(engine, lr, tile=None, seams=SeamScore())
    assert len(set(engine.seen)) == 1
    assert engine.seen[0][0] == 4
    del engine.batching
    assert np.array_equal(batched, run_pass(engine, lr, tile=(32, 32), seams=SeamScore()))


def test_blended_tiles_are_batched_where_their_sizes_agree(numpy_engine, rng):
    engine = numpy_engine(receptive_field=None, global_gain=0.1)
    lr = rng.random((1, 1, 200, 230), dtype=np.float32)
    single = run_pass(engine, lr, tile=(128, 128), seams=SeamScore())
    engine.batching, engine.seen = Batching(side=128, pixels=2**20), []
    seams = SeamScore()
    assert np.abs(run_pass(engine, lr, tile=(128, 128), seams=seams) - single).max() <= FLOAT32_SAME_MATHS
    assert seams.seams
    assert max(shape[0] for shape in engine.seen) > 1


def test_an_accelerator_gets_squares_and_the_progress_counts_them(numpy_engine, rng):
    engine = numpy_engine()
    engine.batching = Batching(side=32, pixels=4 * 32 * 32)
    assert choose_strip(engine, (32, 20)) is None
    assert choose_strip(engine, (33, 20)) == (32, 20)
    reports = []
    progress = TileProgress([(engine, (70, 90), None)], variants=1, report=lambda *counts: reports.append(counts))
    watched = progress.watch(engine, number=0)
    run_pass(watched, rng.random((1, 1, 70, 90), dtype=np.float32), tile=None, seams=SeamScore())
    progress.finish_run(number=0)
    assert engine.seen[0][0] == 4  # in batches, too
    assert reports[-1] == (9, 9)
