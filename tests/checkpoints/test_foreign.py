import os
import pickle
import sys
import types

import pytest
import torch
from safetensors.torch import save_file

from kukkiri.checkpoints.community import load_with_spandrel
from kukkiri.checkpoints.foreign import recognize
from kukkiri.checkpoints.reading import read_state
from kukkiri.checkpoints.shapes import list_shapes
from kukkiri.errors import BackendError, ModelError
from kukkiri.networks import EDSR, ESPCN, FSRCNN, MZSR, NETWORKS, RCAN, RDN, SRCNN, VDSR, RRDBNet

LR = torch.rand(1, 3, 8, 9, generator=torch.Generator().manual_seed(0))


def rebuilt(recognized):
    net = NETWORKS[recognized.network](**recognized.arguments).eval()
    net.load_state_dict(recognized.state, strict=True)
    return net


def old_esrgan(state):
    """The first layout, written down from the network it is: a list of layers, the trunk with its own skip."""
    depth = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("RRDB_trunk."))
    ends = {"conv_first": "0", "trunk_conv": f"1.sub.{depth}", "upconv1": "3", "upconv2": "6"}
    ends |= {"HRconv": "8", "conv_last": "10"}
    old = {}
    for key, value in state.items():
        parts = key.split(".")
        if parts[0] == "RRDB_trunk":
            old[f"model.1.sub.{parts[1]}.{parts[2]}.{parts[3]}.0.{parts[4]}"] = value
        else:
            old[f"model.{ends[parts[0]]}.{parts[1]}"] = value
    return old


def test_safetensors_and_pickles_give_the_same_tensors(tmp_path):
    state = ESPCN(scale=2).state_dict()
    save_file(state, tmp_path / "one.safetensors")
    torch.save(state, tmp_path / "two.pth")
    torch.save({"epoch": 3, "params": SRCNN().state_dict(), "params_ema": state}, tmp_path / "three.pt")
    torch.save({"best_psnr": 30.0, "state_dict": {"optimizer": 1, **state}}, tmp_path / "four.pth")
    for path in sorted(tmp_path.iterdir()):
        read = read_state(path)
        assert read.keys() == state.keys()
        assert all(torch.equal(read[key], state[key]) for key in state)


def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    torch.save({"state_dict": Malicious()}, tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Malicious()))
    for name in ("evil.pth", "plain.pth"):
        with pytest.raises(ModelError, match="can run any code"):
            read_state(tmp_path / name)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"no zip, no pickle", b"PK\x03\x04 cut off"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_damaged_file_says_so(tmp_path, content, suffix):
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged\.(pth|safetensors): .*damaged"):
        read_state(path)


def test_a_file_without_tensors_says_what_it_found(tmp_path):
    torch.save({"epoch": 3, "loss": 0.5}, tmp_path / "empty.pth")
    with pytest.raises(ModelError, match="found epoch, loss"):
        read_state(tmp_path / "empty.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="holds a list"):
        read_state(tmp_path / "list.pth")
    with pytest.raises(ModelError, match="no such file"):
        read_state(tmp_path / "missing.pth")


@pytest.mark.parametrize(
    ("network", "arguments"),
    [
        ("edsr", {"scale": 3, "width": 8, "depth": 2}),
        ("espcn", {"scale": 3, "widths": (6, 4)}),
        ("rcan", {"scale": 2, "width": 8, "groups": 1, "blocks": 2, "reduction": 4}),
        ("rrdbnet", {"width": 4, "growth": 2, "depth": 2}),
        ("rrdbnet", {"scale": 2, "width": 4, "growth": 2, "depth": 2, "keys": "basicsr"}),
        ("srcnn", {"kernels": [9, 1, 5]}),
        ("vdsr", {"width": 4, "depth": 5}),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module.", "module.generator."])
def test_official_keys_are_recognized_with_their_arguments(network, arguments, prefix):
    state = NETWORKS[network](**arguments).state_dict()
    found = recognize({prefix + key: value for key, value in state.items()}, source="file.pth")
    assert (found.network, found.dialect) == (network, "")
    assert {key: found.arguments[key] for key in arguments} == arguments
    assert found.state.keys() == state.keys()


def test_every_network_is_distinguished_from_all_others():
    for name in NETWORKS:
        needed = {} if name not in ("edsr", "espcn", "fsrcnn", "mdsr", "rcan", "rdn", "san") else {"scale": 2}
        shapes = list_shapes(name, needed)
        state = {key: torch.full(shape, 100.0 if key == "sub_mean.bias" else 0.0) for key, shape in shapes.items()}
        hint = {"scale": 2} if name == "fsrcnn" else {}
        assert recognize(state, source=name, **hint).network == name


def test_old_esrgan_is_the_new_one():
    net = RRDBNet(width=4, growth=2, depth=2).eval()
    found = recognize(old_esrgan(net.state_dict()), source="RRDB_old.pth")
    assert (found.network, found.dialect) == ("rrdbnet", "ESRGAN's old layout")
    assert torch.equal(rebuilt(found)(LR), net(LR))


def test_old_esrgan_of_full_size_keeps_every_tensor():
    with torch.device("meta"):
        net = RRDBNet()
    found = recognize(old_esrgan(net.state_dict()), source="RRDB_old.pth")
    assert found.arguments == {"scale": 4, "colour": "rgb", "width": 64, "growth": 32, "depth": 23, "keys": "esrgan"}


def test_basicsr_edsr_is_edsr_with_the_mean_filled_in():
    net = EDSR(scale=4, width=4, depth=2).eval()
    theirs = {}
    for key, value in net.state_dict().items():
        new = key.replace("head.0.", "conv_first.").replace("tail.1.", "conv_last.").replace("tail.0.", "upsample.")
        new = new.replace("body.2.", "conv_after_body.") if key.startswith("body.2.") else new
        new = new.replace(".body.0.", ".conv1.").replace(".body.2.", ".conv2.")
        if "mean" not in key:
            theirs[new] = value
    assert sorted(theirs)[:2] == ["body.0.conv1.bias", "body.0.conv1.weight"]
    found = recognize({"module." + key: value for key, value in theirs.items()}, source="EDSR.pth", res_scale=0.1)
    assert (found.network, found.arguments["res_scale"], found.dialect) == ("edsr", 0.1, "BasicSR's EDSR")
    net = EDSR(scale=4, width=4, depth=2, res_scale=0.1).eval()
    net.load_state_dict(found.state)
    assert torch.equal(rebuilt(found)(255 * LR), net(255 * LR))
    assert torch.allclose(found.state["sub_mean.bias"], torch.tensor([-114.444, -111.4605, -103.02]))  # 255 x mean


def test_basicsr_rcan_is_rcan():
    net = RCAN(scale=2, width=8, groups=2, blocks=2, reduction=4).eval()
    theirs = {}
    for key, value in net.state_dict().items():
        parts = key.split(".")
        if parts[0] == "body" and len(parts) > 5:  # body.g.body.b.body.i...
            rest = {"0": "rcab.0", "2": "rcab.2"}.get(parts[5])
            if rest is None:
                rest = "rcab.3.attention." + {"0": "1", "2": "3"}[parts[7]]
            theirs[f"body.{parts[1]}.residual_group.{parts[3]}.{rest}.{parts[-1]}"] = value
        elif parts[0] == "body" and len(parts) == 5:
            theirs[f"body.{parts[1]}.conv.{parts[-1]}"] = value
        elif "mean" not in key:
            head = {"head": "conv_first", "body": "conv_after_body"}.get(parts[0])
            head = head or ("conv_last" if parts[1] == "1" else f"upsample.{parts[2]}")
            theirs[f"{head}.{parts[-1]}"] = value
    found = recognize(theirs, source="RCAN.pth")
    assert (found.network, found.dialect) == ("rcan", "BasicSR's RCAN")
    assert torch.equal(rebuilt(found)(255 * LR), net(255 * LR))


def test_yjn870_rdn_works_on_zero_to_one():
    net = RDN(scale=2, width=6, growth=6, depth=2, layers=2, value_range=1.0).eval()
    theirs = {}
    for key, value in net.state_dict().items():
        new = key.replace("SFENet", "sfe").replace("RDBs", "rdbs").replace("convs", "layers").replace("conv.0", "conv")
        new = (
            new.replace("LFF", "lff").replace("GFF", "gff").replace("UPNet.0", "upscale.0").replace("UPNet.2", "output")
        )
        theirs[new] = value
    found = recognize(theirs, source="rdn_x2.pth")
    assert (found.network, found.arguments["value_range"], found.dialect) == ("rdn", 1.0, "yjn870's RDN")
    assert torch.equal(rebuilt(found)(LR), net(LR))


def test_bias_free_vdsr_is_vdsr_without_biases():
    net = VDSR(width=4, depth=5, bias=False).eval()
    names = ["input", *(f"residual_layer.{i}.conv" for i in range(3)), "output"]
    theirs = {f"{name}.weight": value for name, value in zip(names, net.state_dict().values(), strict=True)}
    found = recognize(theirs, source="model_epoch_50.pth")
    assert (found.network, found.arguments["bias"], found.dialect) == ("vdsr", False, "twtygqyy's VDSR")
    assert torch.equal(rebuilt(found)(LR[:, :1]), net(LR[:, :1]))


def test_tensorflow_variables_of_mzsr_change_their_axes_and_lose_the_optimizer():
    net = MZSR(width=4).eval()
    theirs = {"MODEL/conv1/kernel/Adam": torch.zeros(3, 3, 3, 4), "beta1_power": torch.zeros(()), "global_step": LR}
    for key, value in net.state_dict().items():
        layer, kind = key.split(".")
        new = value.permute(2, 3, 1, 0) if kind == "weight" else value  # height, width, in, out
        theirs[f"MODEL/{layer}/{'kernel' if kind == 'weight' else 'bias'}"] = new
    found = recognize(theirs, source="mzsr.safetensors")
    assert (found.network, found.dialect) == ("mzsr", "MZSR's TensorFlow variables")
    assert torch.equal(rebuilt(found)(LR), net(LR))


def test_the_scale_that_leaves_no_trace_is_asked_for():
    state = FSRCNN(scale=3).state_dict()
    with pytest.raises(ModelError, match=r"fsrcnn_x3\.pth: fsrcnn, whose file does not tell its scale\. .*--scale N"):
        recognize(state, source="fsrcnn_x3.pth")
    assert recognize(state, source="fsrcnn_x3.pth", scale=3).arguments["scale"] == 3


def test_arguments_that_do_not_fit_are_refused():
    state = ESPCN(scale=3).state_dict()
    with pytest.raises(ModelError, match=r"scale=2 does not fit, .* espcn with scale=3"):
        recognize(state, source="espcn.pth", scale=2)
    with pytest.raises(ModelError, match="takes no argument 'factor'"):
        recognize(state, source="espcn.pth", factor=2)


def test_an_unknown_file_names_the_nearest_networks():
    state = EDSR(scale=2, width=4, depth=2).state_dict()
    state["tail.2.weight"] = torch.zeros(3)
    with pytest.raises(ModelError, match=r"^odd\.pth: edsr, but it also holds tail\.2\.weight\.$"):
        recognize(state, source="odd.pth")
    del state["body.0.body.0.weight"], state["body.0.body.2.weight"], state["body.1.body.0.weight"]
    with pytest.raises(ModelError, match=r"odd\.pth: unknown network; nearest: edsr \(\d+% of the keys\)"):
        recognize(state, source="odd.pth")
    with pytest.raises(ModelError, match="no known one shares its keys"):
        recognize({"transformer.wte": torch.zeros(2)}, source="text.pth")


def test_spandrel_is_asked_for_when_it_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(
        BackendError, match=r"some\.pth: an unknown network needs spandrel\. Install kukkiri\[community\]"
    ):
        load_with_spandrel("some.pth")


def test_spandrel_that_does_not_load_is_no_traceback(monkeypatch, tmp_path):
    """As with torchvision of another build than torch: operator torchvision::nms does not exist."""
    (tmp_path / "spandrel.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    with pytest.raises(BackendError, match=r"some\.pth: spandrel is installed, but does not load"):
        load_with_spandrel("some.pth")


def test_what_spandrel_loads_becomes_a_network(monkeypatch):
    model = torch.nn.Upsample(scale_factor=2)

    class Loader:
        def __init__(self, device):
            assert device == "cpu"

        def load_from_file(self, path):
            if "text" in path.name:
                raise stand_in.UnsupportedModelError("no such architecture")
            sizes = types.SimpleNamespace(multiple_of=4)
            channels = 4 if "four" in path.name else 3
            return types.SimpleNamespace(
                scale=2, input_channels=channels, output_channels=channels, size_requirements=sizes, model=model
            )

    stand_in = types.ModuleType("spandrel")
    stand_in.ModelLoader = Loader
    stand_in.UnsupportedModelError = type("UnsupportedModelError", (Exception,), {})
    monkeypatch.setitem(sys.modules, "spandrel", stand_in)
    net = load_with_spandrel("some.pth")
    assert (net.scale, net.colour, net.multiple, net.receptive_field) == (2, "rgb", 4, None)
    assert net(LR).shape == (1, 3, 16, 18)
    with pytest.raises(ModelError, match="cannot load it either"):
        load_with_spandrel("text.pth")
    with pytest.raises(ModelError, match="maps 4 channels to 4"):
        load_with_spandrel("four.pth")
