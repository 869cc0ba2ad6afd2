import logging
import subprocess
import sys

import numpy as np
import pytest
import pyvips

from kukkiri.errors import BackendError
from kukkiri.images import Image, read_image
from kukkiri.images.libvips import find_reason, vips


def test_importing_the_package_loads_neither_libvips_nor_torch():
    script = "import sys, kukkiri.images; print([name for name in ('pyvips', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_library_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvips", None)
    with pytest.raises(BackendError, match=r"libvips does not load .*pip install 'pyvips\[binary\]'"):
        vips.__wrapped__()


def test_untrusted_loaders_are_blocked():
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
    with pytest.raises(pyvips.Error, match="blocked"):
        vips().Image.svgload_buffer(svg).avg()


def test_reading_calls_no_python_from_libvips_that_would_lose_ctrl_c(tmp_path, caplog):
    path = tmp_path / "a.png"
    Image.from_array(np.zeros((9, 9, 3), np.uint8)).save(path)
    with caplog.at_level(logging.DEBUG):  # its message about every threadpool came through a Python callback
        read_image(path)
    assert [record for record in caplog.records if record.getMessage().startswith("VIPS: ")] == []


def test_the_reason_is_the_first_informative_line_without_the_function():
    error = pyvips.Error("unable to call", "source: bad seek to 9\nheif: Invalid input: End of file\n\nother: later\n")
    assert find_reason(error) == "Invalid input: End of file"
    assert find_reason(pyvips.Error("unable to call", " \n")) == "no reason given"
