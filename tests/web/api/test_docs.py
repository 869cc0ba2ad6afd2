"""docs/how-to/serve.md, docs/reference/http.md: curl lines and Python run on a server, tables are the code's."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kukkiri.images import Image, read_image

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "serve.md").read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    for name in ("photo.jpg", "photo.png"):
        Image.from_array(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(name)
    return tmp_path


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_http_reference", ROOT / "tools" / "write_http_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_curl_lines_run(server, place):
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    script = "\n".join(["set -e", *(block for block in blocks("sh") if "curl" in block)])
    assert script.count("curl") == 9
    script = script.replace("http://127.0.0.1:8080", server.address).replace("curl ", "curl --fail-with-body ")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_image("large.jpg").size == (40, 48)
    assert read_image("large.png").size == (40, 48)
    states = [json.loads(line[6:])["state"] for line in done.stdout.splitlines() if line.startswith("data: ")]
    assert states[-1] == "done"
    assert len(json.loads(Path("jobs.json").read_text())["jobs"]) == 2
    assert "max_body_mb" in json.loads(Path("limits.json").read_text())["limits"]
    assert "kukkiri_queue_length" in Path("metrics.txt").read_text()


def test_the_python_of_the_page_runs(server, place, capsys):
    (code,) = blocks("python")
    exec(code.replace("http://127.0.0.1:8080", server.address), {})
    assert read_image("out.jpg").size == read_image("best.webp").size == (40, 48)
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == re.findall(r"print\(error\)  # (.*)", code)[0]
    assert printed[-2].startswith("done ")


def test_the_error_of_the_page_is_the_servers(http, place):
    shown = json.loads(blocks("json")[0])
    assert http.post("/v1/upscale?scale=0.5", content=Path("photo.png").read_bytes()).json() == shown


@pytest.mark.parametrize("page", ["how-to/serve.md", "reference/http.md"])
def test_the_tables_are_those_of_the_code(writer, page):
    before, after = writer.fill(page)
    assert before == after, "python tools/write_http_reference.py --write"


def test_every_address_is_in_the_reference(http):
    reference = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
    for path, operations in http.get("/openapi.json").json()["paths"].items():
        for method in operations:
            shown = path.replace("{job_id}", "{id}")
            assert re.search(rf"`(?:{method.upper()} )?{re.escape(shown)}[`?]", reference), f"{method} {path}"
