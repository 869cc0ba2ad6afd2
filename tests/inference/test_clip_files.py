from kukkiri.inference.clip_files import choose_clip_suffix, is_clip, is_partial_clip


def write(folder, name, data=b""):
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_clip_is_known_by_its_suffix_in_either_case(tmp_path):
    assert is_clip(write(tmp_path, "a.MKV"))
    assert is_clip(write(tmp_path, "a.wmv"))
    assert not is_clip(write(tmp_path, "a.gif", b"\x1a\x45\xdf\xa3"))  # an image by name is an image
    assert not is_clip(tmp_path / "missing")


def test_a_ts_file_is_a_clip_only_when_it_begins_like_one(tmp_path):
    packets = (b"\x47" + bytes(187)) * 3
    assert is_clip(write(tmp_path, "a.ts", packets))
    assert is_clip(write(tmp_path, "bluray.ts", (bytes(4) + b"\x47" + bytes(187)) * 3))
    assert not is_clip(write(tmp_path, "code.ts", b"G" + b"x" * 400))
    assert not is_clip(write(tmp_path, "main.ts", b"export const answer = 42;\n"))


def test_a_file_of_another_suffix_is_known_by_its_first_bytes(tmp_path):
    assert is_clip(write(tmp_path, "film", b"\x1a\x45\xdf\xa3" + bytes(60)))
    assert is_clip(write(tmp_path, "download.tmp", bytes(4) + b"ftypisom" + bytes(60)))
    assert is_clip(write(tmp_path, "old.divx", b"RIFF\0\0\0\0AVI " + bytes(60)))
    assert not is_clip(write(tmp_path, "photo", bytes(4) + b"ftypavif" + bytes(60)))
    assert not is_clip(write(tmp_path, "sound", b"RIFF\0\0\0\0WAVE" + bytes(60)))


def test_a_result_keeps_its_container_where_that_is_written(tmp_path):
    assert choose_clip_suffix(tmp_path / "a.MP4", None) == ".mp4"
    assert choose_clip_suffix(tmp_path / "a.wmv", None) == ".mkv"
    assert choose_clip_suffix(tmp_path / "a.mp4", ".webm") == ".webm"
    assert choose_clip_suffix(tmp_path / "a.mp4", ".jpg") == ".mp4"  # for the images of the run


def test_the_part_of_an_interrupted_run_is_known_by_its_name(tmp_path):
    assert is_partial_clip(tmp_path / "larger.part.mkv")
    assert is_partial_clip(tmp_path / "larger.part-2.mkv")
    assert not is_partial_clip(tmp_path / "part.mkv")
    assert not is_partial_clip(tmp_path / "larger.party.mkv")


def test_the_containers_that_are_written_are_those_of_the_encoders():
    from kukkiri.files import CLIP_OUTPUT_SUFFIXES
    from kukkiri.video.encoder_table import OUTPUT_CONTAINERS

    assert set(CLIP_OUTPUT_SUFFIXES) == set(OUTPUT_CONTAINERS)
