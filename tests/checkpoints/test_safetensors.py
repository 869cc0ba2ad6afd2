import dataclasses

import pytest
import torch
from safetensors.torch import load_file, save_file

from kukkiri.checkpoints import describe, read_safetensors, save_safetensors, tensors_sha256
from kukkiri.errors import ModelError
from kukkiri.networks import ESPCN

ARGUMENTS = {"scale": 3, "widths": [8, 4]}


@pytest.fixture
def network():
    torch.manual_seed(1)
    return ESPCN(**ARGUMENTS)


@pytest.fixture
def info(network):
    return describe(network, name="small-x3", arguments=ARGUMENTS, training_data="noise", licence="CC0-1.0")


def test_the_file_holds_every_tensor_and_the_descriptor(network, info, tmp_path):
    written = save_safetensors(network, tmp_path / "deep" / "a.safetensors", info=info)
    read, state = read_safetensors(tmp_path / "deep" / "a.safetensors")
    assert read == written == dataclasses.replace(info, sha256=tensors_sha256(network.state_dict()))
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())


def test_the_checksum_is_that_of_the_documented_bytes():
    import hashlib
    import struct

    state = {"b": torch.tensor([[1.0, -2.0]]), "a": torch.tensor(7)}
    expected = hashlib.sha256(b"a int64 \n" + struct.pack("<q", 7) + b"b float32 1,2\n" + struct.pack("<2f", 1, -2))
    assert tensors_sha256(state) == expected.hexdigest()


def test_the_checksum_does_not_depend_on_memory_layout_or_order():
    rows = torch.arange(6.0).reshape(2, 3)
    columns = rows.t().contiguous().t()
    assert tensors_sha256({"x": rows, "y": rows}) == tensors_sha256({"y": columns, "x": columns})


def test_the_same_weights_give_the_same_bytes(network, info, tmp_path):
    for name in ("a", "b"):
        save_safetensors(network, tmp_path / name, info=info)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_one_flipped_bit_in_the_weights_is_found(network, info, tmp_path):
    path = tmp_path / "a.safetensors"
    save_safetensors(network, path, info=info)
    damaged = bytearray(path.read_bytes())
    damaged[-3] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ModelError, match=r"a.safetensors: damaged: its tensors have sha256"):
        read_safetensors(path)


@pytest.mark.parametrize("length", [0, 5, 200])
def test_a_truncated_file_is_one_error_line(network, info, tmp_path, length):
    path = tmp_path / "a.safetensors"
    save_safetensors(network, path, info=info)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ModelError, match="not a safetensors file, or damaged"):
        read_safetensors(path)


def test_a_damaged_descriptor_is_one_error_line(network, tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(network.state_dict(), path, metadata={"kukkiri": '{"name": '})
    with pytest.raises(ModelError, match="its kukkiri metadata is damaged"):
        read_safetensors(path)


def test_a_foreign_file_has_no_descriptor(network, tmp_path):
    save_file(network.state_dict(), tmp_path / "a.safetensors", metadata={"format": "pt"})
    info, state = read_safetensors(tmp_path / "a.safetensors")
    assert info is None
    assert len(state) == 6


def test_an_existing_file_stays_unless_overwriting_is_allowed(network, info, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_text("mine")
    with pytest.raises(ModelError, match="exists already"):
        save_safetensors(network, path, info=info)
    assert path.read_text() == "mine"
    save_safetensors(network, path, info=info, overwrite=True)
    assert len(load_file(path)) == 6


def test_a_failed_save_leaves_the_old_file_and_nothing_else(network, info, tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    path.write_text("old")

    def fail(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr("kukkiri.checkpoints.safetensors.save_file", fail)
    with pytest.raises(ModelError, match=r"a\.safetensors: cannot be written \(no space left\)"):
        save_safetensors(network, path, info=info, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
    assert path.read_text() == "old"


def test_a_folder_that_cannot_be_made_is_the_users_error(network, info, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ModelError, match=r"cannot be written .*Choose another folder"):
        save_safetensors(network, tmp_path / "file" / "a.safetensors", info=info)


def test_the_new_file_has_the_permissions_that_the_umask_gives(network, info, tmp_path):
    (tmp_path / "other").write_text("")
    save_safetensors(network, tmp_path / "a.safetensors", info=info)
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_description_that_contradicts_the_network_is_refused(network, info, tmp_path):
    wrong = dataclasses.replace(info, scale=2)
    with pytest.raises(ModelError, match="described with scale 2, but the network has 3"):
        save_safetensors(network, tmp_path / "a.safetensors", info=wrong)


def test_networks_that_share_storage_are_written_whole(info, tmp_path):
    module = torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)])
    module[1].weight = module[0].weight
    save_safetensors(module, tmp_path / "a.safetensors", info=info)
    assert torch.equal(load_file(tmp_path / "a.safetensors")["1.weight"], module[0].weight)
