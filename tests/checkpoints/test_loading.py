import json

import pytest
import torch
from safetensors.torch import save_file

import kukkiri.pretrained
from kukkiri.checkpoints import describe, load, save_safetensors
from kukkiri.errors import ModelError
from kukkiri.networks import ESPCN, FSRCNN, SRCNN

SMALL = {"scale": 2, "d": 8, "s": 4, "m": 1}


def saved(path, network, arguments, name="small"):
    info = describe(network, name=name, arguments=arguments, training_data="noise", licence="CC0-1.0")
    return save_safetensors(network, path, info=info)


def test_what_was_saved_comes_back_ready_to_run(tmp_path):
    network = FSRCNN(**SMALL)
    written = saved(tmp_path / "a.safetensors", network, SMALL)
    loaded = load(tmp_path / "a.safetensors")
    lr = torch.rand(1, 1, 7, 9)
    assert loaded.info == written
    assert not loaded.module.training
    assert torch.equal(loaded.module(lr), network.eval()(lr))


def test_given_arguments_win_over_those_in_the_file(tmp_path):
    saved(tmp_path / "a.safetensors", SRCNN(scale=2, kernels=(3, 1, 3)), {"scale": 2, "kernels": [3, 1, 3]})
    loaded = load(tmp_path / "a.safetensors", scale=4)
    assert loaded.info.scale == loaded.module.scale == 4
    assert loaded.info.training_data == "noise"


def test_an_unknown_argument_is_the_users_error(tmp_path):
    saved(tmp_path / "a.safetensors", FSRCNN(**SMALL), SMALL)
    with pytest.raises(ModelError, match=r"fsrcnn does not take these arguments: .*'depth'"):
        load(tmp_path / "a.safetensors", depth=3)


def test_tensors_of_another_shape_are_refused_strictly(tmp_path):
    saved(tmp_path / "a.safetensors", FSRCNN(**SMALL), {**SMALL, "d": 10})
    with pytest.raises(ModelError, match="the tensors are not those of fsrcnn"):
        load(tmp_path / "a.safetensors")


def test_an_unknown_network_names_the_nearest(tmp_path):
    network = ESPCN(scale=2)
    info = describe(network, name="a", arguments={"scale": 2})
    object.__setattr__(info, "network", "espnc")
    save_safetensors(network, tmp_path / "a.safetensors", info=info)
    with pytest.raises(ModelError, match="unknown network 'espnc'; did you mean 'espcn'"):
        load(tmp_path / "a.safetensors")


def test_a_foreign_file_is_recognized_by_its_keys(tmp_path):
    pytest.importorskip("kukkiri.checkpoints.foreign")
    network = ESPCN(scale=3, widths=(8, 4)).eval()
    save_file(network.state_dict(), tmp_path / "theirs.safetensors")
    torch.save(network.state_dict(), tmp_path / "theirs.pth")
    lr = torch.rand(1, 1, 6, 5)
    for suffix in ("safetensors", "pth"):
        loaded = load(tmp_path / f"theirs.{suffix}")
        assert (loaded.info.name, loaded.info.network, loaded.info.scale) == ("theirs", "espcn", 3)
        assert torch.equal(loaded.module(lr), network(lr))


def test_an_onnx_file_is_refused_with_a_remedy(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"Run it with kukkiri.Upscaler"):
        load(tmp_path / "a.onnx")


def test_other_kinds_of_files_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ModelError, match=r"a\.txt: not a file of weights: expected \.safetensors or \.pth, got \.txt"):
        load(tmp_path / "a.txt")
    with pytest.raises(ModelError, match="a folder, not a file"):
        load(tmp_path)


def test_a_misspelt_path_names_the_nearest_file(tmp_path):
    (tmp_path / "espcn-x3.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"no such file. Did you mean .*espcn-x3.safetensors\?"):
        load(tmp_path / "epscn-x3.safetensors")


def test_shipped_models_are_found_by_id_and_misspelt_ids_get_a_hint(tmp_path, monkeypatch):
    monkeypatch.setattr(kukkiri.pretrained, "_folder", lambda: tmp_path)
    with pytest.raises(ModelError, match="Known: none"):
        load("espcn-x2")
    saved(tmp_path / "espcn-x2.safetensors", ESPCN(scale=2), {"scale": 2}, name="espcn-x2")
    (tmp_path / "espcn-x2.json").write_text(json.dumps({"name": "espcn-x2", "scale": 2}))
    assert load("espcn-x2").info.name == "espcn-x2"
    assert kukkiri.pretrained.list_models() == ["espcn-x2"]
    assert kukkiri.pretrained.read_card("espcn-x2")["scale"] == 2
    with pytest.raises(ModelError, match="'epscn-x2'; did you mean 'espcn-x2'"):
        load("epscn-x2")
    with pytest.raises(ModelError, match=r"shipped without a \.onnx file"):
        kukkiri.pretrained.locate("espcn-x2", ".onnx")
    (tmp_path / "espcn-x2.json").write_text("[]")
    with pytest.raises(ModelError, match="card is damaged"):
        kukkiri.pretrained.read_card("espcn-x2")
