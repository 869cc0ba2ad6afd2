"""Other people's model files: what they do not tell is asked for or named, and never guessed silently."""

import argparse
import inspect
import json
import logging
import pickle
import typing
from pathlib import Path

import numpy as np
import pytest

import kukkiri
from kukkiri.errors import ConfigError, ModelError
from kukkiri.images import Image

torch = pytest.importorskip("torch", reason="needs torch")

from kukkiri.checkpoints import loading  # noqa: E402
from kukkiri.cli import run  # noqa: E402
from kukkiri.networks import (  # noqa: E402
    DPSR,
    ECBSR,
    EDSR,
    ESPCN,
    FSRCNN,
    MDSR,
    MZSR,
    NETWORKS,
    RCAN,
    SFTMD,
    SRCNN,
    SRMD,
    MetaRDN,
)

EDSR_SMALL = {"scale": 2, "width": 4, "depth": 1}


@pytest.fixture(autouse=True)
def _fresh_notes():
    loading._warn_once.cache_clear()
    torch.manual_seed(0)


@pytest.fixture
def lr():
    return np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)


def save(path: Path, network) -> Path:
    torch.save(network.state_dict(), path)
    return path


def expected(network, lr):
    """SR, uint8, straight from the official forward."""
    white = network.value_range
    planes = torch.from_numpy(lr.astype(np.float32) / 255).permute(2, 0, 1)[None] * white
    with torch.no_grad():
        sr = network.eval()(planes)[0].permute(1, 2, 0).numpy() / white
    return np.floor(np.clip(sr, 0, 1) * 255 + 0.5).astype(np.uint8)


def assert_same(sr, wanted):
    assert sr.shape == wanted.shape
    assert np.abs(sr.astype(int) - wanted.astype(int)).max() <= 1


def randomize(network) -> None:
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.copy_(value + 0.3 * torch.rand_like(value))


# The scale decides ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_mdsr_uses_the_branch_of_the_scale(tmp_path, lr, scale):
    network = MDSR(scale=2, width=4, depth=1)
    upscaler = kukkiri.Upscaler(save(tmp_path / "mdsr.pth", network), scale=scale, bounded=False)
    branch = MDSR(scale=scale, width=4, depth=1)
    branch.load_state_dict(network.state_dict())
    assert [engine.info.scale for engine in upscaler.engines] == [scale]
    assert_same(upscaler(lr), expected(branch, lr))


def test_mdsr_reaches_larger_scales_by_its_own_branches(tmp_path):
    upscaler = kukkiri.Upscaler(save(tmp_path / "mdsr.pth", MDSR(scale=2, width=4, depth=1)), scale=8)
    assert [engine.info.scale for engine in upscaler.engines] == [2, 4]
    between = kukkiri.Upscaler(tmp_path / "mdsr.pth", scale=2.5)
    assert [engine.info.scale for engine in between.engines] == [3]


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_meta_rdn_runs_once_at_any_scale(tmp_path, lr, scale):
    network = MetaRDN(width=2, growth=2, depth=1, layers=2)
    upscaler = kukkiri.Upscaler(save(tmp_path / "metardn.pth", network), scale=scale, bounded=False)
    network.scale = scale
    assert [engine.info.scale for engine in upscaler.engines] == [scale]
    assert_same(upscaler(lr), expected(network, lr))


def test_own_files_of_mdsr_use_the_branch_too(tmp_path, lr):
    from kukkiri.checkpoints import describe, save_safetensors

    network = MDSR(scale=2, width=4, depth=1)
    info = describe(network, name="mdsr", arguments={"scale": 2, "width": 4, "depth": 1})
    save_safetensors(network, tmp_path / "mdsr.safetensors", info=info)
    upscaler = kukkiri.Upscaler(tmp_path / "mdsr.safetensors", scale=4)
    assert [engine.info.scale for engine in upscaler.engines] == [4]


def test_fsrcnn_is_used_at_the_scale_that_is_told(tmp_path, lr):
    path = save(tmp_path / "fsrcnn.pth", FSRCNN(scale=3, d=5, s=3, m=2))
    assert kukkiri.Upscaler(path, scale=3)(lr).shape == (27, 36, 3)
    with pytest.raises(ModelError, match=r"fsrcnn\.pth: fsrcnn, whose file does not tell its scale.*--scale N"):
        kukkiri.Upscaler(path)
    repeated = kukkiri.Upscaler(path, scale=6, model_args={"scale": 3})
    assert [engine.info.scale for engine in repeated.engines] == [3, 3]


def test_the_command_line_takes_fsrcnn_with_its_scale(tmp_path, lr, capsys):
    path = save(tmp_path / "fsrcnn.pth", FSRCNN(scale=3, d=5, s=3, m=2))
    Image.from_array(lr).save(tmp_path / "a.png")
    out = tmp_path / "b.png"
    assert run(["upscale", str(tmp_path / "a.png"), "-o", str(out), "--model", str(path), "--scale", "3"]) == 0
    assert kukkiri.images.read_image(out).size == (27, 36)
    assert run(["export", str(path), "-o", str(tmp_path / "c.onnx")]) == 1
    assert "--scale N" in capsys.readouterr().err


def test_upconv_dpsr_asks_for_its_scale_only_where_it_is_open(tmp_path):
    for scale in (2, 3, 4):
        network = DPSR(scale=scale, width=4, depth=1, upsampling="resize-nearest")
        path = save(tmp_path / f"{scale}.pth", network)
        loaded = kukkiri.load(path, scale=scale) if scale < 4 else kukkiri.load(path)
        assert loaded.info.arguments == {"scale": scale, "width": 4, "depth": 1, "upsampling": "resize-nearest"}
        planes, noise = torch.rand(1, 3, 5, 6), torch.tensor([0.1])
        assert torch.equal(loaded.module(planes, noise), network.eval()(planes, noise))
    with pytest.raises(ModelError, match="dpsr, whose file does not tell its scale"):
        kukkiri.load(tmp_path / "2.pth")


# What is assumed is named --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (lambda: EDSR(**EDSR_SMALL), {"res_scale=1.0"}),
        (lambda: EDSR(**EDSR_SMALL, mean_shift=False), {"res_scale=1.0", "value_range=255.0"}),
        (lambda: RCAN(scale=2, width=4, groups=1, blocks=1, reduction=2, mean_shift=False), {"value_range=255.0"}),
        (lambda: ECBSR(width=3, depth=1), {"identity=false", "value_range=255.0"}),
        (lambda: ECBSR(width=3, depth=1, deployed=True), {"value_range=255.0"}),
        (lambda: SFTMD(width=3, depth=1), {"clamp=false"}),
        (lambda: SRCNN(kernels=(3, 1, 3)), {"padding=zeros", "scale=2"}),
        (lambda: MDSR(scale=2, width=4, depth=1), {"scale=2 (one of 2, 3, 4)"}),
    ],
)
def test_a_note_names_what_is_assumed(tmp_path, caplog, network, named):
    path = save(tmp_path / "theirs.pth", network())
    kukkiri.load(path)
    (note,) = [record.getMessage() for record in caplog.records]
    assert note.startswith(f"{path}: ")
    assert "assumed, as the file does not tell" in note
    assert all(text in note for text in named)


def test_what_is_told_is_not_noted(tmp_path, caplog, lr):
    path = save(tmp_path / "theirs.pth", EDSR(**EDSR_SMALL))
    loaded = kukkiri.load(path, res_scale=0.1)
    assert not caplog.records
    assert loaded.info.arguments["res_scale"] == 0.1
    network = EDSR(**EDSR_SMALL, res_scale=0.1)
    network.load_state_dict(torch.load(path))
    upscaler = kukkiri.Upscaler(path, model_args={"res_scale": 0.1}, bounded=False)
    assert_same(upscaler(lr), expected(network, lr))
    assert_same(pickle.loads(pickle.dumps(upscaler))(lr), expected(network, lr))


def other_values(parameter: inspect.Parameter, value: object) -> list[object]:
    """Values of a keyword beside its own: of a choice all others, of a number two."""
    choices = [choice for choice in typing.get_args(parameter.annotation) if isinstance(choice, str)]
    if isinstance(value, bool):
        return [not value]
    if parameter.name == "value_range":
        return [256.0 - float(value)]  # the two that are in use
    return [choice for choice in choices if choice != value] or ([0.3] if isinstance(value, float) else [])


@pytest.mark.parametrize(
    ("name", "arguments"), [(name, arguments) for name, kind in NETWORKS.items() for arguments in kind.tiny]
)
def test_a_keyword_that_changes_the_result_and_leaves_no_trace_is_named(name, arguments):
    """The same tensors with another value of the keyword give another image, and the inference does not see it."""
    kind = NETWORKS[name]
    network = kind(**arguments).eval()
    randomize(network)
    state = network.state_dict()
    infer = kind.arguments_from_state
    hints = {key: arguments[key] for key in inspect.signature(infer).parameters if key in arguments}
    lr = network.value_range * torch.rand(1, network.channels, 8 * network.multiple, 8 * network.multiple)
    conditions = network.example_conditions(1)
    for key, parameter in inspect.signature(kind).parameters.items():
        value = arguments.get(key, parameter.default)
        for other in other_values(parameter, value):
            try:
                changed = kind(**{**arguments, key: other}).eval()
                changed.load_state_dict(state, strict=True)
            except (ValueError, RuntimeError):  # other tensors, which tell
                continue
            with torch.no_grad():
                differs = not torch.equal(changed(lr, *conditions), network(lr, *conditions))
            if differs or changed.value_range != network.value_range:
                inferred = infer(state, **hints)
                seen = infer(kind(**{**arguments, key: other}).state_dict(), **hints)
                assert key in kind.list_untraced(arguments) or inferred.get(key) != seen.get(key), (key, other)


def test_loaded_networks_upscale_and_become_upscalers(tmp_path, lr):
    network = EDSR(**EDSR_SMALL)
    loaded = kukkiri.load(save(tmp_path / "theirs.pth", network))
    assert loaded.module.value_range == 255.0
    wanted = expected(network, lr)
    assert_same(loaded.upscale(lr, bounded=False), wanted)
    assert_same(kukkiri.Upscaler(loaded, bounded=False)(lr), wanted)
    assert_same(kukkiri.upscale(lr, model=loaded, bounded=False), wanted)
    grey = loaded.upscale(lr[..., 0])
    assert (grey.shape, grey.dtype) == ((18, 24), np.uint8)
    floats = loaded.upscale(lr.astype(np.float32) / 255)
    assert (floats.shape, floats.dtype) == ((18, 24, 3), np.float32)
    assert loaded.upscale(lr.astype(np.uint16) * 257).dtype == np.uint16
    mdsr = kukkiri.load(save(tmp_path / "mdsr.pth", MDSR(scale=2, width=4, depth=1)))
    assert kukkiri.Upscaler(mdsr, scale=4).engines[0].info.scale == 4
    assert mdsr.at_scale(3).module.scale == 3
    with pytest.raises(ModelError, match="serves x2, x3, x4, but scale 5 was asked"):
        mdsr.at_scale(5)


def test_a_conditioned_network_says_so_through_every_door(tmp_path, lr, capsys):
    path = str(save(tmp_path / "srmd.pth", SRMD(scale=2, width=4, depth=3)))
    image = str(tmp_path / "a.png")
    Image.from_array(lr).save(image)
    for arguments in (
        ["upscale", image, "-o", str(tmp_path / "b.png"), "--model", path],
        ["inspect", "upsampler", path],
        ["inspect", "attention", path, image, "-o", str(tmp_path / "c.png")],
        ["inspect", "attribution", path, image, "-o", str(tmp_path / "d.png"), "--box", "2,2,4,4"],
        ["adapt", image, "-o", str(tmp_path / "e.png"), "--initialization", path],
    ):
        assert run(arguments) == 1
        error = capsys.readouterr().err
        assert "conditioned on" in error, arguments
        assert "Traceback" not in error


# Files in every wrapping ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("legacy", [False, True])
def test_numbers_and_settings_beside_tensors_are_harmless(tmp_path, legacy):
    state = EDSR(**EDSR_SMALL).state_dict()
    content = {
        "state_dict": state,
        "best_psnr": np.float64(31.2),
        "iter": np.int64(5),
        "flag": np.bool_(True),
        "history": np.arange(4.0),
        "args": argparse.Namespace(scale=[2], dir=Path("x")),
        "names": np.array(["a", None], dtype=object),
    }
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    loaded = kukkiri.load(tmp_path / "a.pth")
    assert all(torch.equal(value, state[key]) for key, value in loaded.module.state_dict().items())


def test_stand_ins_do_not_stay_in_torch(tmp_path):
    before = set(torch.serialization.get_safe_globals())  # of no order
    kukkiri.load(save(tmp_path / "a.pth", EDSR(**EDSR_SMALL)))
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize(
    "prefix",
    [
        "model.",
        "module.",
        "net_g.",
        "generator.",
        "state.",
        "_orig_mod.module.",
        "netG.module.",
        "params_ema.",
        "sr_model.",
    ],
)
@pytest.mark.parametrize("beside", [{}, {"perceptual.vgg.0.weight": (3, 3), "psnr.total": ()}])
def test_a_network_is_found_under_a_prefix_and_beside_losses(tmp_path, prefix, beside):
    state = EDSR(**EDSR_SMALL).state_dict()
    content = {prefix + key: value for key, value in state.items()} | {k: torch.zeros(s) for k, s in beside.items()}
    torch.save({"state_dict": content, "epoch": 3}, tmp_path / "a.ckpt")
    loaded = kukkiri.load(tmp_path / "a.ckpt")
    assert loaded.info.network == "edsr"
    assert all(torch.equal(value, state[key]) for key, value in loaded.module.state_dict().items())


def test_a_name_of_any_kind_before_all_keys_is_removed(tmp_path):
    torch.save({f"mine.{key}": value for key, value in EDSR(**EDSR_SMALL).state_dict().items()}, tmp_path / "A.PTH")
    assert kukkiri.load(tmp_path / "A.PTH").info.network == "edsr"
    assert kukkiri.Upscaler(tmp_path / "A.PTH").scale == 2


def test_generator_and_discriminator_in_one_file(tmp_path):
    from kukkiri.networks import SRGANDiscriminator

    state = EDSR(**EDSR_SMALL).state_dict()
    torch.save({"netG": state, "netD": SRGANDiscriminator(width=4).state_dict(), "epoch": 1}, tmp_path / "a.pth")
    assert kukkiri.load(tmp_path / "a.pth").info.network == "edsr"


def test_averaged_weights_are_preferred(tmp_path, caplog):
    last, average = EDSR(**EDSR_SMALL).state_dict(), EDSR(**EDSR_SMALL).state_dict()
    content = {f"model.{key}": value for key, value in last.items()}
    content |= {f"model_ema.{key}": value for key, value in average.items()}
    torch.save({"state_dict": content}, tmp_path / "a.ckpt")
    loaded = kukkiri.load(tmp_path / "a.ckpt", res_scale=1)
    assert torch.equal(loaded.module.state_dict()["head.0.weight"], average["head.0.weight"])
    assert "the tensors under model_ema.* are used, not model.*" in caplog.text


def test_two_networks_in_one_file_are_not_chosen_between(tmp_path):
    content = {f"net_a.{key}": value for key, value in EDSR(**EDSR_SMALL).state_dict().items()}
    content |= {f"net_b.{key}": value for key, value in ESPCN(scale=2).state_dict().items()}
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ModelError, match=r"holds several networks|may be a part of a larger network"):
        kukkiri.load(tmp_path / "a.pth")


@pytest.mark.parametrize("kind", [EDSR, RCAN])
@pytest.mark.parametrize("means", ["three", "one", "none"])
def test_one_channel_variants_load(tmp_path, kind, means):
    arguments = EDSR_SMALL if kind is EDSR else {"scale": 2, "width": 4, "groups": 1, "blocks": 1, "reduction": 2}
    network = kind(**arguments, colour="y", mean_shift=means == "one")
    state = network.state_dict()
    if means == "three":
        state |= {key: value for key, value in kind(**arguments).state_dict().items() if "mean" in key}
    torch.save(state, tmp_path / "grey.pth")
    loaded = kukkiri.load(tmp_path / "grey.pth")
    assert (loaded.info.network, loaded.info.colour) == (kind.__name__.lower(), "y")
    lr = 255 * torch.rand(1, 1, 6, 7)
    assert torch.equal(loaded.module(lr), network.eval()(lr))


def test_srmd_with_batch_normalization_is_folded_exactly(tmp_path, caplog):
    """Against the layers of KAIR's SRMD with act_mode BR, written down from their modes: C R, C B R ..., C, shuffle."""
    nn = torch.nn
    width, depth, scale = 5, 4, 3
    layers = [nn.Conv2d(3 + 7, width, 3, padding=1), nn.ReLU()]
    for _ in range(depth - 2):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width, eps=1e-4), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Conv2d(width, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale)).eval()
    for norm in (layer for layer in model if isinstance(layer, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.normal_(norm.bias)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.001, 2)
    torch.save({f"model.{key}": value for key, value in model.state_dict().items()}, tmp_path / "srmd.pth")
    loaded = kukkiri.load(tmp_path / "srmd.pth")
    assert loaded.info.arguments == {"scale": scale, "maps": 7, "width": width, "depth": depth}
    assert "epsilon of 1e-4" in caplog.text
    lr, maps = torch.rand(1, 3, 6, 7), torch.rand(1, 7, 6, 7)
    with torch.no_grad():
        torch.testing.assert_close(loaded.module(lr, maps), model(torch.cat((lr, maps), 1)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("variant", ["final", "demo"])
@pytest.mark.parametrize("code", [1, 6, 15, 21])
def test_sftmd_takes_codes_of_any_length(tmp_path, code, variant):
    network = SFTMD(scale=3, width=4, depth=1, code=code, variant=variant).eval()
    loaded = kukkiri.load(save(tmp_path / "sftmd.pth", network))
    lr, codes = torch.rand(1, 3, 6, 7), torch.rand(1, code)
    assert torch.equal(loaded.module(lr, codes), network(lr, codes))


@pytest.mark.parametrize("separator", ["/", "."])
@pytest.mark.parametrize("prefix", ["", "MODEL", "state.MODEL", "state", "module.net"])
def test_mzsr_variables_load_with_and_without_their_scope(tmp_path, prefix, separator):
    network = MZSR(width=3, depth=4).eval()
    theirs = {}
    for key, value in network.state_dict().items():
        layer, kind = key.split(".")
        moved = value.permute(2, 3, 1, 0).contiguous() if kind == "weight" else value
        parts = [prefix] if prefix else []
        theirs[separator.join([*parts, layer, "kernel" if kind == "weight" else "bias"])] = moved
    if prefix not in ("", "MODEL") and separator == "/":
        theirs = {key.replace(f"{prefix}/", f"{prefix}."): value for key, value in theirs.items()}
    torch.save(theirs, tmp_path / "mzsr.pth")
    loaded = kukkiri.load(tmp_path / "mzsr.pth", scale=2)
    lr = torch.rand(1, 3, 8, 9)
    assert loaded.info.network == "mzsr"
    assert torch.equal(loaded.module(lr), network(lr))


def test_files_before_the_counters_of_batch_normalization_load(tmp_path):
    network = NETWORKS["srresnet"](**NETWORKS["srresnet"].tiny[0]).eval()
    state = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "old.pth")
    lr = torch.rand(1, 3, 6, 7)
    assert torch.equal(kukkiri.load(tmp_path / "old.pth").module(lr), network(lr))


# Words about files that do not fit -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "shape", "words"),
    [
        ("tail.1.weight", (5, 4, 3, 3), r"tail.1.weight is \(5, 4, 3, 3\), expected \(3, 4, 3, 3\)"),
        ("head.0.weight", (4, 2, 3, 3), r"head.0.weight is \(4, 2, 3, 3\), expected \(4, 3, 3, 3\)"),
        ("body.0.body.2.bias", (9,), r"body.0.body.2.bias is \(9,\), expected \(4,\)"),
    ],
)
def test_the_tensor_that_differs_is_named(tmp_path, key, shape, words):
    state = EDSR(**EDSR_SMALL).state_dict() | {key: torch.zeros(shape)}
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match=rf"odd\.pth: edsr, but {words}\.$"):
        kukkiri.load(tmp_path / "odd.pth")


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torchscript_is_named_with_what_to_ask_for(tmp_path):
    traced = torch.jit.trace(EDSR(**EDSR_SMALL).eval(), torch.rand(1, 3, 8, 8))
    traced.save(str(tmp_path / "a.pt"))
    with pytest.raises(ModelError, match=r"a\.pt: a TorchScript program, not weights.*state dict.*ONNX") as caught:
        kukkiri.load(tmp_path / "a.pt")
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pth", b"", "empty"),
        ("a.pth", b"hello", "not a PyTorch file, or damaged"),
        ("a.pth", b"<!DOCTYPE html><html>", "a web page"),
        ("a.pth", b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        ("a.pth", b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5"),
        ("a.safetensors", b"", r"damaged \(0 bytes\)"),
        ("a.safetensors", b"some text of a page", r"damaged \(it does not begin with a header\)"),
        ("a.safetensors", b"\x02" + bytes(7) + b"{}tail", r"damaged \(its tensors do not fit its 14 bytes"),
        ("a.onnx", b"", "not a readable ONNX graph"),
        ("a.onnx", b"text", "not a readable ONNX graph"),
    ],
)
def test_files_of_other_kinds_are_told_in_our_words(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        kukkiri.Upscaler(tmp_path / name)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / name}: ")
    assert not any(word in said for word in ("ONNXRuntimeError", "deserializing", "weights_only", "\n"))


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="a folder, not a model"):
        kukkiri.Upscaler(tmp_path)
    (tmp_path / "a.pth").mkdir()
    with pytest.raises(ModelError, match="a folder, not a file of a model"):
        kukkiri.Upscaler(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SRGANDiscriminator", "the discriminator of SRGAN"),
        ("ESRGANDiscriminator", "the discriminator of ESRGAN"),
    ],
)
def test_networks_that_do_not_upscale_are_named(tmp_path, name, words):
    import kukkiri.networks

    path = save(tmp_path / "a.pth", getattr(kukkiri.networks, name)(width=4))
    with pytest.raises(ModelError, match=rf"a\.pth: {words}.*which does not upscale images"):
        kukkiri.load(path)


# ONNX graphs of others -----------------------------------------------------------------------------------------------


def graph(
    path: Path, *, white: float = 255.0, shift: float = 0.0, gain: float = 1.0, limit: float | None = None
) -> Path:
    """A graph on 0 to ``white`` that repeats pixels: clip(gain * x + shift, 0, limit)."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Resize", ["lr", "", "scales"], ["a"], mode="nearest"),
        helper.make_node("Mul", ["a", "gain"], ["b"]),
        helper.make_node("Add", ["b", "shift"], ["c"]),
        helper.make_node("Clip", ["c", "low", "high"], ["sr"]),
    ]
    constants = {"scales": [1, 1, 2, 2], "gain": gain, "shift": shift, "low": 0.0, "high": limit or white}
    weights = [
        helper.make_tensor(name, TensorProto.FLOAT, [4] if name == "scales" else [], np.ravel(value))
        for name, value in constants.items()
    ]
    ends = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, ["n", 3, f"h{end}", f"w{end}"]) for end in ("lr", "sr")
    ]
    made = helper.make_graph(nodes, "theirs", ends[:1], ends[1:], weights)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_a_graph_on_0_to_255_is_found_by_probing(tmp_path, lr):
    path = graph(tmp_path / "a.onnx", shift=20)
    wanted = np.clip(lr.astype(int) + 20, 0, 255).repeat(2, 0).repeat(2, 1)
    for upscaler in (kukkiri.Upscaler(path), kukkiri.Upscaler(path, model_args={"value_range": 255})):
        assert np.abs(upscaler(lr) - wanted).max() <= 1
        assert np.abs(pickle.loads(pickle.dumps(upscaler))(lr) - wanted).max() <= 1


def test_a_graph_on_0_to_1_is_found_by_probing(tmp_path, lr):
    path = graph(tmp_path / "a.onnx", white=1.0, shift=0.02)
    wanted = np.clip(lr.astype(int) + 5.1, 0, 255).repeat(2, 0).repeat(2, 1)
    assert np.abs(kukkiri.Upscaler(path)(lr) - wanted).max() <= 1


def test_a_range_that_does_not_matter_is_not_asked_for(tmp_path, lr):
    path = graph(tmp_path / "a.onnx", limit=1e9)
    assert np.array_equal(kukkiri.Upscaler(path)(lr), lr.repeat(2, 0).repeat(2, 1))


def test_a_probe_that_stays_undecided_is_refused_and_can_be_told(tmp_path, lr, capsys):
    path = graph(tmp_path / "a.onnx", gain=0.3, shift=3, limit=200)
    with pytest.raises(ModelError, match=r"a\.onnx: does not say whether white is 1 or 255.*--range 255 or --range 1"):
        kukkiri.Upscaler(path)
    Image.from_array(lr).save(tmp_path / "a.png")
    out = tmp_path / "b.png"
    arguments = ["upscale", str(tmp_path / "a.png"), "-o", str(out), "--model", str(path), "--range", "255"]
    assert run(arguments) == 0
    wanted = np.clip(0.3 * lr.astype(float) + 3, 0, 200).repeat(2, 0).repeat(2, 1)
    assert np.abs(255 * kukkiri.images.read_image(out).colour - wanted).max() <= 1


@pytest.mark.parametrize("network", ["espcn", "fsrcnn", "plain-xs", "plain-s"])
@pytest.mark.parametrize("white", [1.0, 255.0])
def test_the_range_of_trained_networks_is_found(network, white):
    from kukkiri import pretrained
    from kukkiri.inference import OnnxEngine
    from kukkiri.inference.probing import find_value_range

    engine = OnnxEngine(pretrained.locate(f"{network}-x2", ".onnx"), threads=1)
    found = find_value_range(
        lambda lr: np.float32(white) * engine.run(lr / np.float32(white)), engine.info, source="theirs.onnx"
    )
    assert found == white


def test_a_graph_of_kukkiri_is_on_0_to_1():
    from kukkiri import pretrained

    with pytest.raises(ModelError, match="was written for 0 to 1, but white 255 was asked"):
        kukkiri.Upscaler(pretrained.locate("espcn-x2", ".onnx"), model_args={"value_range": 255})


# Recipes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("arguments.widht=16", "unknown argument 'widht'; did you mean 'width'"),
        ("arguments.features=16", "unknown argument 'features'"),
        ("arguments.width=0", "Widths are at least 1"),
        ("arguments.width=abc", "width must be a whole number that is not negative, got 'abc'"),
        ("arguments.depth=-1", "depth must be a whole number that is not negative, got -1"),
        ("arguments.mean_shift=1", "mean_shift must be true or false, got 1"),
        ("arguments.colour=rgba", "colour must be one of 'y', 'rgb', got 'rgba'"),
        ("arguments.scale=3", "scale = 2 and arguments.scale = 3 differ"),
        ("scale=5", "scale must be 3 or a power of two, got 5"),
        ("network=srmd", "srmd is conditioned on maps"),
        ("network=edsrr", "unknown network 'edsrr'; did you mean 'edsr'"),
        ("features=16", "unknown key 'features'"),
    ],
)
def test_typos_in_a_recipe_are_one_line(tmp_path, monkeypatch, capsys, override, words):
    monkeypatch.chdir(tmp_path)
    recipe = 'name = "x"\nnetwork = "edsr"\nscale = 2\ndata = "hr"\nsteps = 1\n[arguments]\nwidth = 4\ndepth = 1\n'
    Path("r.toml").write_text(recipe)
    Path("hr").mkdir()
    Image.from_array(np.random.default_rng(1).integers(0, 256, (80, 80, 3), dtype=np.uint8)).save("hr/a.png")
    assert run(["train", "r.toml", override]) == 1
    error = capsys.readouterr().err.strip()
    assert words in error
    assert "\n" not in error


@pytest.mark.parametrize(
    ("network", "arguments"),
    [
        ("edsr", {"width": 4, "depth": 1}),
        ("rcan", {"width": 4, "groups": 1, "blocks": 1, "reduction": 2}),
        ("espcn", {"widths": [5, 4]}),
        ("fsrcnn", {"d": 5, "s": 3, "m": 2}),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_training_continues_from_files_in_official_layouts(tmp_path, network, arguments, wrapped):
    from kukkiri.training.initialization import transfer

    theirs = NETWORKS[network](scale=2, **arguments)
    content = theirs.state_dict()
    if wrapped:
        losses = {"perceptual.vgg.0.weight": torch.zeros(3, 3)}
        content = {
            "state_dict": {f"model.{key}": value for key, value in content.items()} | losses,
            "psnr": np.float64(1),
        }
    torch.save(content, tmp_path / "official.pth")
    ours = NETWORKS[network](scale=2, **arguments)
    assert transfer(ours, tmp_path / "official.pth")
    assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in ours.state_dict().items())


def test_transfer_names_the_tensor_that_does_not_fit(tmp_path):
    from kukkiri.training.initialization import transfer

    path = save(tmp_path / "official.pth", EDSR(**EDSR_SMALL))
    with pytest.raises(ConfigError, match=r"head\.0\.weight is \(4, 3, 3, 3\), expected \(6, 3, 3, 3\)"):
        transfer(EDSR(scale=2, width=6, depth=1), path)
    with pytest.raises(ConfigError, match=r"works on 0 to 255, but .* on 0 to 1\. Set arguments\.value_range = 255"):
        transfer(EDSR(**EDSR_SMALL, value_range=1.0), path)
    with pytest.raises(ConfigError, match="not the weights of RCAN with these arguments: it lacks"):
        transfer(RCAN(scale=2, width=4, groups=1, blocks=1, reduction=2), path)


def test_basicsr_files_are_transferred(tmp_path):
    from kukkiri.training.initialization import transfer

    theirs = EDSR(**EDSR_SMALL)
    names = [
        ("head.0.", "conv_first."),
        ("tail.1.", "conv_last."),
        ("tail.0.", "upsample."),
        ("body.1.", "conv_after_body."),
    ]
    names += [("body.0.body.0.", "body.0.conv1."), ("body.0.body.2.", "body.0.conv2.")]
    state = {}
    for key, value in theirs.state_dict().items():
        old, new = next(((old, new) for old, new in names if key.startswith(old)), ("", ""))
        if old:
            state[new + key.removeprefix(old)] = value
    torch.save({"params": state}, tmp_path / "EDSR.pth")
    ours = EDSR(**EDSR_SMALL)
    assert transfer(ours, tmp_path / "EDSR.pth")
    assert torch.equal(ours.tail[1].weight, theirs.tail[1].weight)


# Arguments -----------------------------------------------------------------------------------------------------------


def test_arguments_for_models_that_take_none_are_refused(tmp_path, lr):
    with pytest.raises(ModelError, match="balanced: takes no arguments"):
        kukkiri.Upscaler("balanced", model_args={"res_scale": 0.1})
    with pytest.raises(ModelError, match="edsr takes no argument 'factor'"):
        kukkiri.Upscaler(save(tmp_path / "a.pth", EDSR(**EDSR_SMALL)), model_args={"factor": 2})
    with pytest.raises(ModelError, match="scale=3 does not fit"):
        kukkiri.Upscaler(tmp_path / "a.pth", model_args={"scale": 3})
    loaded = kukkiri.load(tmp_path / "a.pth")
    with pytest.raises(ModelError, match=r"Give res_scale to kukkiri\.load"):
        kukkiri.Upscaler(loaded, model_args={"res_scale": 0.1})


def test_white_that_a_class_has_anyway_may_be_said(tmp_path, lr):
    path = save(tmp_path / "espcn.pth", ESPCN(scale=2))
    plain = kukkiri.Upscaler(path)(lr)
    assert np.array_equal(kukkiri.Upscaler(path, model_args={"value_range": 1})(lr), plain)
    with pytest.raises(ModelError, match="espcn works on 0 to 1, but white 255 was asked"):
        kukkiri.Upscaler(path, model_args={"value_range": 255})
    unit = kukkiri.load(save(tmp_path / "edsr.pth", EDSR(**EDSR_SMALL, mean_shift=False)), value_range=1.0)
    assert unit.module.value_range == 1.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(tmp_path, dtype):
    state = {key: value.to(dtype) for key, value in EDSR(**EDSR_SMALL).state_dict().items()}
    torch.save({"model": {"state_dict": state}, "config": {"model": "edsr"}}, tmp_path / "a.pth")
    loaded = kukkiri.load(tmp_path / "a.pth")
    assert loaded.module.head[0].weight.dtype == torch.float32
    assert torch.equal(loaded.module.head[0].weight, state["head.0.weight"].float())


def test_the_maintainers_cases(shared, tmp_path, lr):
    """The rows of the table of cases that are about model files."""
    cases = shared / "cases"
    image = cases / "comment.jpg"
    wanted = np.asarray(kukkiri.upscale(image, model=cases / "edsr.pth").colour)
    for name in ("edsr-numbers.pth", "edsr-losses.ckpt"):
        assert np.array_equal(np.asarray(kukkiri.upscale(image, model=cases / name).colour), wanted)
    for name in ("edsr-grey.pth", "edsr-grey-means.pth"):
        assert kukkiri.upscale(image, model=cases / name).size == (80, 120)
    with pytest.raises(ModelError, match="a TorchScript program"):
        kukkiri.Upscaler(cases / "edsr-script.pt")
    for options in ({}, {"model_args": {"value_range": 255}}):
        brightened = kukkiri.upscale(image, model=cases / "range255.onnx", **options)
        assert 255 * float(np.mean(brightened.colour)) == pytest.approx(126.2, abs=0.5)


@pytest.mark.parametrize(("scale", "psnr"), [(2, 37.17), (4, 30.89)])
def test_deployed_ecbsr_of_the_etds_repository_scores_as_there(shared, scale, psnr):
    """Real weights in a layout of others, on 0 to 1; the scores are those of a run with that repository's code."""
    from kukkiri.evaluation import evaluate

    path = shared / "weights_elsewhere" / "etds" / f"ECBSR_M4C16_x{scale}.pth"
    scores = evaluate(str(path), data=shared / "data" / "Set5", scale=scale).sets["Set5"]
    assert scores.means["psnr"] == pytest.approx(psnr, abs=0.01)


def test_a_scale_that_is_no_scale_is_told(tmp_path):
    path = save(tmp_path / "a.pth", FSRCNN(scale=3, d=5, s=3, m=2))
    for scale in ("x", -2, 2.5):
        with pytest.raises(ModelError, match="scale must be a whole number that is not negative"):
            kukkiri.load(path, scale=scale)


def test_texts_of_arguments_are_toml():
    from kukkiri.cli.model_arguments import read_model_args

    texts = ["res_scale=0.1", "mean_shift=false", "a.pth:widths=[4, 3]", "colour=y"]
    common = {"res_scale": 0.1, "mean_shift": False, "colour": "y"}
    assert read_model_args(texts, ["bicubic", "a.pth", "b.onnx"]) == {
        "a.pth": {**common, "widths": [4, 3]},
        "b.onnx": common,
    }
    assert read_model_args([], ["a.onnx"], white="255") == {"a.onnx": {"value_range": 255.0}}
    with pytest.raises(ConfigError, match="expected KEY=VALUE"):
        read_model_args(["res_scale"], ["a.pth"])
    with pytest.raises(ConfigError, match=r"no model 'c\.pth' is asked for"):
        read_model_args(["c.pth:res_scale=1"], ["a.pth"])
    with pytest.raises(ConfigError, match="takes no arguments"):
        read_model_args(["res_scale=1"], ["bicubic"])


def test_evaluation_export_and_reports_take_the_arguments(tmp_path, capsys, lr):
    from kukkiri.evaluation import evaluate

    (tmp_path / "Set").mkdir()
    Image.from_array(np.random.default_rng(1).integers(0, 256, (48, 48, 3), dtype=np.uint8)).save(
        tmp_path / "Set" / "a.png"
    )
    network = EDSR(**EDSR_SMALL)
    path = str(save(tmp_path / "theirs.pth", network))
    scores = {
        value: evaluate(path, data=tmp_path / "Set", scale=2, model_args={"res_scale": value}).sets["Set"].means["psnr"]
        for value in (0.1, 5.0)
    }
    assert scores[0.1] != scores[5.0]
    base = ["--data", str(tmp_path / "Set"), "--scale", "2", "--cache", str(tmp_path / "cache")]
    for value in (0.1, 5.0):  # the cache keeps them apart
        assert run(["evaluate", "--model", path, *base, "--json", "--model-args", f"res_scale={value}"]) == 0
        printed = json.loads(capsys.readouterr().out)["sets"]["Set"]["psnr"]
        assert printed == pytest.approx(scores[value], abs=1e-9)
    assert run(["export", path, "-o", str(tmp_path / "a.onnx"), "--model-args", "res_scale=5.0"]) == 0
    network = EDSR(**EDSR_SMALL, res_scale=5.0)
    network.load_state_dict(torch.load(path))
    assert_same(kukkiri.Upscaler(tmp_path / "a.onnx", bounded=False)(lr), expected(network, lr))
    report = ["inspect", "upsampler", path, "--report", str(tmp_path / "r"), "--model-args", "res_scale=0.1"]
    assert run(report) == 0


def test_quiet_loading_of_own_files(tmp_path, caplog):
    """A file of kukkiri tells everything about its network."""
    from kukkiri import pretrained

    with caplog.at_level(logging.WARNING):
        kukkiri.load(pretrained.locate("espcn-x2", ".safetensors"))
    assert not caplog.records
