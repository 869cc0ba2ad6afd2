"""schemathesis on the OpenAPI description: every answer is a documented one, and nothing fails."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.api.conftest import serve

OPTIONS = ["--max-examples", "3", "--workers", "1", "--seed", "1", "--no-color"]


@pytest.mark.nightly
def test_schemathesis_finds_nothing(tmp_path):
    program = Path(sys.executable).with_name("schemathesis")
    if importlib.util.find_spec("schemathesis") is None or not (program.exists() or shutil.which("schemathesis")):
        pytest.skip("needs the package schemathesis")
    # OpenAPI cannot say that a scale and a width exclude each other, so that a query of all options is "valid" to it.
    (tmp_path / "schemathesis.toml").write_text(
        '[[operations]]\ninclude-path = ["/v1/upscale", "/v1/batch"]\nchecks.positive_data_acceptance.enabled = false\n'
    )
    limits = ["--max-client-jobs=0", "--max-queue=0", "--wait-seconds=0.2", "--max-output-megapixels=1"]
    with serve(tmp_path, *limits) as served:
        done = subprocess.run(
            [str(program), "run", f"{served.address}/openapi.json", *OPTIONS],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert "Traceback" not in served.log.read_text()
    assert done.returncode == 0, done.stdout[-6000:]
