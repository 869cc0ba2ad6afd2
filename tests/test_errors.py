import sys

import pytest

from kukkiri.errors import BackendError, did_you_mean, did_you_mean_file, require


def test_a_near_name_is_offered_and_all_known_ones_are_listed():
    assert did_you_mean("edrs", ["edsr", "espcn"]) == "; did you mean 'edsr'? Known: edsr, espcn."
    assert did_you_mean("unet", ["edsr", "espcn"]) == ". Known: edsr, espcn."
    assert did_you_mean("unet", []) == ". Known: none."


def test_a_near_file_is_offered(tmp_path):
    (tmp_path / "photo.png").touch()
    assert did_you_mean_file(tmp_path / "foto.png") == f"Did you mean {tmp_path / 'photo.png'}?"
    assert did_you_mean_file(tmp_path / "nowhere" / "a.png") == "Check the path."


def test_a_missing_module_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BackendError, match=r"^training needs torch\. Install kukkiri\[torch\]\.$"):
        require("torch", for_what="training")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(BackendError, match=r"Install kukkiri\[report\]\."):
        require("matplotlib", for_what="drawing")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(BackendError, match=r"^a clip needs av\. Install kukkiri\[video\]\.$"):
        require("av", for_what="a clip")
    require("json", for_what="anything")
