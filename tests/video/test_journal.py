"""The journal of encoded packets: what was finished is read back, what was torn is cut off."""

import pytest

from kukkiri.errors import VideoError
from kukkiri.video.journal import EncodedPacket, Journal, read_journal


def packet(number: int, *, alpha: bytes = b"") -> EncodedPacket:
    return EncodedPacket(10 * number, 10 * number - 20, 10, number == 0, bytes([number]) * 100, alpha)


def write(path, count, *, ends):
    journal = Journal(path, {"source": "a"})
    for number in range(count):
        journal.append(packet(number, alpha=b"alpha" if number == 1 else b""))
        if number + 1 in ends:
            journal.end_segment(frames=number + 1)
    journal.close()


def test_packets_of_finished_segments_are_read_back(tmp_path):
    write(tmp_path / "j", 5, ends=(2, 4))
    state = read_journal(tmp_path / "j")
    assert (state.frames, state.packets, state.header) == (4, 4, {"source": "a"})
    assert state.last_pts == (0, 10, 20, 30)
    assert list(state.read()) == [packet(0), packet(1, alpha=b"alpha"), packet(2), packet(3)]


def test_every_torn_tail_is_cut_off(tmp_path):
    write(tmp_path / "whole", 4, ends=(2, 4))
    data = (tmp_path / "whole").read_bytes()
    ends = [read_journal(tmp_path / "whole").start, len(data)]
    seen = set()
    for length in range(ends[0], ends[1]):
        (tmp_path / "torn").write_bytes(data[:length])
        seen.add(read_journal(tmp_path / "torn").frames)
    assert seen == {0, 2}


def test_a_changed_byte_ends_the_readable_part(tmp_path):
    write(tmp_path / "j", 4, ends=(2, 4))
    data = bytearray((tmp_path / "j").read_bytes())
    data[-60] ^= 1  # in the last packet
    (tmp_path / "j").write_bytes(data)
    assert read_journal(tmp_path / "j").frames == 2


def test_a_run_goes_on_behind_the_last_segment(tmp_path):
    write(tmp_path / "j", 3, ends=(2,))
    journal = Journal(tmp_path / "j", {"source": "a"}, state=read_journal(tmp_path / "j"))
    journal.append(packet(2))
    journal.end_segment(frames=3)
    journal.close()
    assert [one.pts for one in read_journal(tmp_path / "j").read()] == [0, 10, 20]


def test_what_is_no_journal_is_none(tmp_path):
    assert read_journal(tmp_path / "missing") is None
    (tmp_path / "other").write_bytes(b'{"format": "something else"}\n')
    assert read_journal(tmp_path / "other") is None
    (tmp_path / "torn").write_bytes(b'{"format": "kukkiri video jour')
    assert read_journal(tmp_path / "torn") is None


def test_two_runs_on_one_clip_are_refused(tmp_path):
    pytest.importorskip("fcntl")
    write(tmp_path / "j", 2, ends=(2,))
    state = read_journal(tmp_path / "j")
    first = Journal(tmp_path / "j", {}, state=state)
    with pytest.raises(VideoError, match="another process is writing this clip"):
        Journal(tmp_path / "j", {})
    first.close()
    assert read_journal(tmp_path / "j").frames == 2  # the second did not cut it off
