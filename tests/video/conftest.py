"""Shared by the tests of video: tiny clips, made once a session, and an independent reader."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.video.clips import make_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a clip of ``tests.video.clips.CLIPS`` when it is first asked for."""
    folder = tmp_path_factory.mktemp("clips")
    return lambda name: make_clip(name, folder)


@pytest.fixture(scope="session")
def ffprobe() -> Callable[..., dict[str, Any]]:
    """Read a file with the ffprobe program: format, streams, chapters and packets, as its JSON says."""

    def read(path: Path, *options: str) -> dict[str, Any]:
        show = ("-show_format", "-show_streams", "-show_chapters", "-show_packets", "-show_data_hash", "md5")
        command = ["ffprobe", "-v", "error", "-of", "json", *(options or show), str(path)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return read
