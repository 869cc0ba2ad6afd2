"""Devices of ONNX Runtime: no accelerator is here, so that sessions on them are faked; OpenVINO's were run by hand."""

import pickle
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from kukkiri import pretrained
from kukkiri.errors import BackendError, ConfigError
from kukkiri.inference import OnnxEngine, Upscaler
from kukkiri.inference import sessions as sessions_module
from kukkiri.inference.accelerators import ACCELERATORS, list_runtimes, parse_device
from kukkiri.inference.sessions import TINY_GRAPH, open_session, resolve_graph_device

MODEL = pretrained.locate("plain-xs-x2", ".onnx")


class FakeSession:
    """ONNX Runtime's session on an accelerator, computed on the CPU, which says where it runs."""

    made: list = []  # noqa: RUF012  # reset by the fixture

    def __init__(self, graph, options=None, *, providers=None, enable_fallback=1):
        self.asked, self.enable_fallback = providers, enable_fallback
        self._real = REAL(graph, providers=["CPUExecutionProvider"])
        self.fallback_left = True
        FakeSession.made.append(self)

    def __getattr__(self, name):
        return getattr(self._real, name)

    def disable_fallback(self):
        self.fallback_left = False

    def get_providers(self):
        return self.running

    def get_provider_graph_assignment_info(self):
        return [
            SimpleNamespace(ep_name=name, get_nodes=lambda kind=kind: [SimpleNamespace(op_type=kind)])
            for name, kind in self.nodes
        ]


REAL = onnxruntime.InferenceSession
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


@pytest.fixture
def pretend(monkeypatch):
    """Let ONNX Runtime list providers, and let sessions say where they run."""

    def prepare(*listed, running, nodes=((CUDA, "Conv"), (CPU, "Shape"))):
        FakeSession.made = []
        monkeypatch.setattr(FakeSession, "running", list(running), raising=False)
        monkeypatch.setattr(FakeSession, "nodes", list(nodes), raising=False)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*listed, CPU])
        monkeypatch.setattr(onnxruntime, "InferenceSession", FakeSession)
        sessions_module._find_accelerator.cache_clear()
        return FakeSession.made

    yield prepare
    sessions_module._find_accelerator.cache_clear()


def test_a_session_on_a_gpu_is_asked_for_and_verified(pretend):
    made = pretend(CUDA, running=[CUDA, CPU])
    engine = OnnxEngine(MODEL, threads=1, device="cuda:1")
    assert engine.device == "cuda:1"
    assert engine.batching.count((512, 512)) == 4
    (session,) = made
    expected = {"device_id": "1", "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    assert session.asked == [(CUDA, expected), CPU]
    assert (session.enable_fallback, session.fallback_left) == (0, False)
    assert pickle.loads(pickle.dumps(engine)).device == "cuda:1"


def test_what_tensorrt_leaves_goes_to_cuda_first(pretend):
    tensorrt = "TensorrtExecutionProvider"
    made = pretend(tensorrt, CUDA, running=[tensorrt, CUDA, CPU], nodes=[(tensorrt, "Conv")])
    OnnxEngine(MODEL, threads=1, device="tensorrt")
    assert made[0].asked == [(tensorrt, {"device_id": "0"}), CUDA, CPU]


def test_a_silent_fall_to_the_cpu_is_an_error(pretend):
    pretend(CUDA, running=[CPU])
    with pytest.raises(BackendError, match=r"the device cuda does not run here: .* fell back to CPUExec.*--device cpu"):
        Upscaler("fast", device="cuda")


def test_a_device_that_takes_no_convolution_is_an_error(pretend):
    pretend(CUDA, running=[CUDA, CPU], nodes=[(CPU, "Conv"), (CPU, "Conv"), (CUDA, "Relu")])
    with pytest.raises(BackendError, match="the device cuda takes none of this network's 2 convolutions"):
        OnnxEngine(MODEL, threads=1, device="cuda")


def test_a_device_that_takes_a_part_is_told(pretend, caplog):
    pretend(CUDA, running=[CUDA, CPU], nodes=[(CPU, "Conv"), (CUDA, "Conv"), (CPU, "Shape")])
    OnnxEngine(MODEL, threads=1, device="cuda")
    assert "1 of 2 convolutions and products do not run on cuda" in caplog.text


def test_a_session_that_cannot_be_made_is_the_devices_fault(pretend, monkeypatch):
    pretend(CUDA, running=[])

    class Failing(FakeSession):
        def __init__(self, graph, options=None, *, providers, enable_fallback=1):
            if providers != [CPU]:
                raise RuntimeError("CUDA failure 35: CUDA driver version is insufficient\nmore")
            super().__init__(graph, options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Failing)
    with pytest.raises(BackendError, match=r"cuda does not run here \(CUDA failure 35: .*insufficient\)\. Check"):
        open_session(TINY_GRAPH, device=parse_device("cuda"), threads=1)


@pytest.mark.parametrize("name", sorted(ACCELERATORS))
def test_a_device_that_is_not_installed_names_the_package(name, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    monkeypatch.setattr("kukkiri.inference.accelerators.list_runtimes", lambda: ["onnxruntime"])
    remedies = {
        "coreml": r"It is for macOS",
        "webgpu": r"Run: pip install onnxruntime-ep-webgpu;",
    }
    package = ACCELERATORS[name].package
    remedy = remedies.get(name, rf"pip uninstall -y onnxruntime, then pip install {package} \(only one")
    with pytest.raises(BackendError, match=rf"no {ACCELERATORS[name].provider} here \(only {CPU}\)\. .*{remedy}"):
        Upscaler("fast", device=name)


def test_two_packages_of_onnx_runtime_are_told(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    two = ["onnxruntime", "onnxruntime-gpu"]
    monkeypatch.setattr("kukkiri.inference.sessions.list_runtimes", lambda: two)
    with pytest.raises(BackendError, match="of onnxruntime and onnxruntime-gpu, of which one overwrites the other"):
        Upscaler("fast", device="cuda")
    assert list_runtimes()  # of this environment


def test_auto_takes_what_runs(pretend):
    made = pretend(CUDA, running=[CUDA, CPU], nodes=[(CUDA, "Conv")])
    assert str(resolve_graph_device("auto")) == "cuda"
    assert str(resolve_graph_device("auto")) == "cuda"
    assert len(made) == 1  # tried once
    pretend(CUDA, running=[CPU])
    assert Upscaler("fast", device="auto").engines[0].device == "cpu"


def test_a_plug_in_is_registered_once_and_gives_its_device(pretend, monkeypatch):
    webgpu = "WebGpuExecutionProvider"
    made = pretend(running=[webgpu, CPU], nodes=[(webgpu, "Conv")])
    plugin = SimpleNamespace(get_library_path=lambda: "lib.so")
    registered, added = [], []
    device = SimpleNamespace(ep_name=webgpu)
    monkeypatch.setattr(sessions_module, "_find_plugin", lambda _: plugin)
    monkeypatch.setattr(sessions_module, "_REGISTERED", set())
    monkeypatch.setattr(
        onnxruntime, "register_execution_provider_library", lambda *given: registered.append(given), raising=False
    )
    monkeypatch.setattr(onnxruntime, "get_ep_devices", lambda: [device], raising=False)

    class Options(onnxruntime.SessionOptions):
        def add_provider_for_devices(self, devices, options):
            added.append((devices, options))

    monkeypatch.setattr(onnxruntime, "SessionOptions", Options)
    for _ in range(2):
        open_session(TINY_GRAPH, device=parse_device("webgpu"), threads=1)
    assert registered == [(webgpu, "lib.so")]
    assert added == [([device], {})] * 2
    assert [session.asked for session in made] == [None, None]
    monkeypatch.setattr(onnxruntime, "get_ep_devices", list)
    with pytest.raises(BackendError, match="the plug-in onnxruntime_ep_webgpu finds no device for webgpu here"):
        open_session(TINY_GRAPH, device=parse_device("webgpu"), threads=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cuda:x", r"unknown device 'cuda:x'\. Expected cuda or such as cuda:0"),
        ("coreml:1", r"unknown device 'coreml:1'\. Expected coreml or such as coreml"),
        ("cud", r"unknown device 'cud'; did you mean 'cuda'\?"),
        ("mps", r"the device mps is for torch weights .* use coreml"),
    ],
)
def test_other_names_of_devices_are_refused(name, message):
    with pytest.raises(ConfigError, match=message):
        Upscaler("fast", device=name)


def test_an_interpolation_runs_on_no_device_and_in_no_other_precision():
    with pytest.raises(ConfigError, match="bicubic: does not run on cuda, which is for ONNX graphs and torch weights"):
        Upscaler("bicubic", device="cuda")
    with pytest.raises(ConfigError, match="bicubic: is computed in float32; precision float16 is for ONNX graphs"):
        Upscaler("bicubic", precision="float16")
    with pytest.raises(ConfigError, match="unknown precision 'half'"):
        Upscaler("fast", precision="half")


def test_options_keep_the_device_of_a_picked_upscaler(rng):
    upscaler = pickle.loads(pickle.dumps(Upscaler("fast", threads=1, device="cpu", precision="float32")))
    lr = rng.random((9, 8), dtype=np.float32)
    assert np.array_equal(upscaler(lr), Upscaler("fast", threads=1)(lr))
