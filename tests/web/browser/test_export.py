"""``kukkiri web export``: what the site holds, what it replaces and what it refuses."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kukkiri.cli import run
from kukkiri.errors import ConfigError, ModelError
from kukkiri.web import export
from kukkiri.web.browser_networks import describe_networks, locate_network
from kukkiri.web.export import SITE_FILE, export_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "site"
    export_site(folder)
    return folder


def test_the_list_of_the_site_holds_the_sha256_of_every_other_file(site):
    listed = json.loads((site / SITE_FILE).read_text(encoding="utf-8"))
    found = {
        path.relative_to(site).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in site.rglob("*")
        if path.is_file() and path.name != SITE_FILE
    }
    assert {**listed["files"], **listed["host"]} == found
    assert set(listed["host"]) == {"_headers", ".nojekyll", "service-worker.js"}


def test_the_networks_are_the_shipped_ones(site):
    manifest = json.loads((site / "networks/manifest.json").read_text(encoding="utf-8"))
    assert manifest["presets"]["fast"]["clean"] == {"2": "sesr-s-x2", "3": "sesr-s-x3", "4": "sesr-s-x4"}
    assert manifest["presets"]["balanced"]["photo"] == {"2": "plain-m-photo-x2", "4": "plain-m-photo-x4"}
    assert manifest["networks"]["plain-m-x2"]["receptive_field"] == 11
    for name, about in manifest["networks"].items():
        data = (site / "networks" / about["file"]).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (about["sha256"], about["bytes"])
        assert data == locate_network(name).read_bytes()


def test_the_page_runs_in_the_browser_only_and_addresses_nothing_outside(site):
    page = (site / "index.html").read_text(encoding="utf-8")
    assert '<meta name="kukkiri-engines" content="browser">' in page
    assert '<meta name="kukkiri-service-worker" content="service-worker.js">' in page
    assert "Content-Security-Policy" in page
    assert not re.findall(r'(?:src|href)="(?:/|https?:)', page.replace('href="https://github.com', ""))


def test_the_imports_of_every_module_are_in_the_site(site):
    for module in site.rglob("*.js"):
        for name in re.findall(r'^import [^"]*"(\.[^"]+)"', module.read_text(encoding="utf-8"), re.MULTILINE):
            assert (module.parent / name).is_file(), f"{module.name} imports {name}"


def test_a_new_export_is_a_new_service_worker(site, tmp_path):
    other = tmp_path / "fast"
    export_site(other, presets=["fast"])
    assert (other / "service-worker.js").read_bytes() != (site / "service-worker.js").read_bytes()
    assert sorted(path.stem for path in (other / "networks").glob("*.onnx")) == [
        *("sesr-s-photo-x2", "sesr-s-photo-x4", "sesr-s-x2", "sesr-s-x3", "sesr-s-x4"),
    ]


def test_an_earlier_export_is_replaced_and_nothing_else(tmp_path):
    folder = tmp_path / "site"
    export_site(folder)
    export_site(folder, presets=["fast"])
    assert not (folder / "networks/plain-m-x2.onnx").exists()
    (folder / "CNAME").write_text("example.org", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no part of an earlier export \(CNAME\)"):
        export_site(folder)
    assert (folder / "networks/sesr-s-x2.onnx").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_folder_of_others_a_file_and_the_current_folder_are_refused(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"a\.jpg"):
        export_site(tmp_path / "photos")
    with pytest.raises(ConfigError, match="is a file"):
        export_site(tmp_path / "photos" / "a.jpg")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="current folder"):
        export_site(Path())


def test_a_failure_leaves_the_earlier_export_and_no_rubbish(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    export_site(folder, presets=["fast"])
    before = (folder / SITE_FILE).read_bytes()

    def fail(target, staging):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "_replace", fail)
    with pytest.raises(ConfigError, match="No space left"):
        export_site(folder)
    assert (folder / SITE_FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_unknown_presets_and_networks_are_refused():
    with pytest.raises(ConfigError, match="did you mean 'fast'"):
        describe_networks(["fats"])
    with pytest.raises(ConfigError, match="no preset"):
        describe_networks([])
    with pytest.raises(ModelError, match="no network 'san-s-x2' for the browser"):
        locate_network("san-s-x2")


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    assert run(["web", "export", str(tmp_path / "site"), "--preset", "fast", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["networks"]["sesr-s-x2"] == locate_network("sesr-s-x2").stat().st_size
    assert printed["files"] == sum(path.is_file() for path in (tmp_path / "site").rglob("*"))


def test_the_vendored_runtime_is_the_published_one():
    tool = Path(__file__).parents[3] / "tools/vendor_onnxruntime_web.py"
    found = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "onnxruntime-web 1.30.0: as published\n")
