"""Shards: who does which source, and how schedulers say it."""

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kukkiri.cluster import Shard
from kukkiri.errors import ConfigError


def shard_of(text, count):
    (found,) = (index for index in range(1, count + 1) if Shard(index, count).holds(text))
    return found


def test_the_assignment_is_for_ever():  # a change here would make finished shards do other sources
    names = ["a.png", "2024/beach.jpg", "2024/Straße.tif", "2024/caf\u00e9.png", "\udcff.png", "x" * 300]
    assert [shard_of(name, 16) for name in names] == FIXED_OF_16
    assert [shard_of(name, 1000) for name in names] == FIXED_OF_1000


FIXED_OF_16 = [16, 16, 10, 3, 2, 6]
FIXED_OF_1000 = [344, 632, 858, 123, 178, 830]


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=30), st.integers(1, 40))
def test_every_source_is_in_exactly_one_shard(text, count):
    holders = [index for index in range(1, count + 1) if Shard(index, count).holds(text)]
    assert holders == [Shard.of(text, count=count).index]


def test_sources_whose_results_would_have_one_name_share_a_shard():
    for names in (
        ("trip/a.png", "trip/a.jpg", "trip/A.JPG", "trip/a.tar"),
        ("caf\u00e9.png", "cafe\u0301.jpg"),  # as macOS writes it
        (".hidden", ".hidden.png"),
    ):
        assert len({Shard.of(name, count=100_003) for name in names}) == 1
    assert Shard.of(PurePosixPath("trip/a.png"), count=99) == Shard.of("trip/a.png", count=99)
    assert Shard.of("trip/a.png", count=100_003) != Shard.of("b/a.png", count=100_003)


def test_shards_are_of_like_size():
    counts = [0] * 16
    for number in range(16_000):
        counts[Shard.of(f"images/{number:06}.jpg", count=16).index - 1] += 1
    assert max(abs(count - 1000) for count in counts) < 5 * 1000**0.5  # five standard deviations


SLURM = {
    "SLURM_ARRAY_TASK_ID": "3",
    "SLURM_ARRAY_TASK_MIN": "0",
    "SLURM_ARRAY_TASK_MAX": "15",
    "SLURM_ARRAY_TASK_STEP": "1",
    "SLURM_ARRAY_TASK_COUNT": "16",
}
BATCH = {"AWS_BATCH_JOB_ARRAY_INDEX": "3", "AWS_BATCH_JOB_ARRAY_SIZE": "16"}


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("3/16", {}, "3/16"),
        ("auto", SLURM, "4/16"),
        ("auto", {**SLURM, "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": "16"}, "3/16"),
        (
            "auto",  # --array=0-30:2
            {**SLURM, "SLURM_ARRAY_TASK_ID": "6", "SLURM_ARRAY_TASK_MAX": "30", "SLURM_ARRAY_TASK_STEP": "2"},
            "4/16",
        ),
        ("auto/16", SLURM, "4/16"),
        ("auto", BATCH, "4/16"),
        ("auto/16", {"JOB_COMPLETION_INDEX": "3"}, "4/16"),
        ("auto/16", {"PARALLEL_SEQ": "3"}, "3/16"),
        ("auto", {**BATCH, "JOB_COMPLETION_INDEX": "3"}, "4/16"),
    ],
)
def test_shards_are_read(text, environment, expected):
    assert str(Shard.parse(text, environment=environment)) == expected


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        ("0/16", {}, "counted from 1/16 on"),
        ("17/16", {}, "shard 17/16 does not exist"),
        ("/16", {}, "Is a variable in it not set?"),
        ("3/0", {}, "does not exist"),
        ("", {}, "takes 3/16"),
        ("auto", {}, "none of SLURM_ARRAY_TASK_ID, AWS_BATCH_JOB_ARRAY_INDEX, JOB_COMPLETION_INDEX and PARALLEL_SEQ"),
        ("auto", {"SLURM_ARRAY_TASK_ID": "3"}, "SLURM_ARRAY_TASK_ID is set, but SLURM_ARRAY_TASK_MIN is not"),
        ("auto", {"AWS_BATCH_JOB_ARRAY_INDEX": "3"}, "AWS_BATCH_JOB_ARRAY_SIZE is not"),
        ("auto", {"SLURM_ARRAY_TASK_ID": ""}, "SLURM_ARRAY_TASK_ID is no number but ''"),
        ("auto", {"JOB_COMPLETION_INDEX": "3"}, "Kubernetes does not say how many processes there are"),
        ("auto", {"PARALLEL_SEQ": "3"}, "Say it: --shard auto/16"),
        ("auto/3", {"JOB_COMPLETION_INDEX": "3"}, "shard 4/3 does not exist"),
        ("auto/8", SLURM, "SLURM says 4/16, and auto/8 was asked"),
        ("auto", {**SLURM, **BATCH, "AWS_BATCH_JOB_ARRAY_INDEX": "5"}, "SLURM says 4/16, AWS Batch says 6/16"),
        ("auto", {**SLURM, "PARALLEL_SEQ": "1"}, "GNU parallel says 1/?"),
        # --array=3,7 and --array=5-8 are retries of a larger array: the shards would quietly be others
        (
            "auto",
            {**SLURM, "SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_MAX": "7", "SLURM_ARRAY_TASK_COUNT": "2"},
            r"--shard \$SLURM_ARRAY_TASK_ID/N",
        ),
        (
            "auto",
            {**SLURM, "SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_MAX": "8",
             "SLURM_ARRAY_TASK_COUNT": "4"},
            "4 tasks from 5 to 8 are not a whole array",
        ),
        ("auto", {**SLURM, "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "2"}, "not a whole array"),
    ],
)  # fmt: skip
def test_doubtful_shards_are_refused(text, environment, said):
    with pytest.raises(ConfigError, match=said if "\\" in said else re.escape(said)):
        Shard.parse(text, environment=environment)
