"""The options of an upscaling as OpenAPI describes them, one row for each; the checks themselves are JobOptions'."""

from typing import Any

from kukkiri.files import CLIP_OUTPUT_SUFFIXES
from kukkiri.images import OUTPUT_SUFFIXES
from kukkiri.inference import PRESETS
from kukkiri.web.jobs.options import list_names

__all__ = ["FILE_NAME", "MODE", "OPTIONS", "describe_form", "describe_parameters"]

_FLAG = {"type": "boolean", "default": False}

_SIDE = {"type": "integer", "minimum": 1}

OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "scale": (
        {"type": "number", "minimum": 1},
        "Output pixels for one input pixel along a side; the model's own, or 2, when not given.",
    ),
    "width": (_SIDE, "Pixels of the result instead of a scale; alone it keeps the aspect."),
    "height": (_SIDE, "Pixels of the result instead of a scale; alone it keeps the aspect."),
    "fit": (
        {"type": "string", "pattern": "^[1-9][0-9]{0,5}x[1-9][0-9]{0,5}$", "examples": ["3840x2160"]},
        "Width and height of a box: the largest result of the image's aspect in it.",
    ),
    "short_side": (_SIDE, "Pixels of the shorter side."),
    "megapixels": (
        {"type": "number", "exclusiveMinimum": 0},
        "Millions of pixels of the result.",
    ),
    "print_size": (
        {"type": "string", "pattern": "^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}(mm|cm|in)$", "examples": ["100x150mm"]},
        "Size of the paper: the largest print on it.",
    ),
    "dpi": ({"type": "number", "exclusiveMinimum": 0}, "Pixels per inch of the print."),
    "stretch": (_FLAG, "Change the aspect to meet width and height."),
    "wrap": (_FLAG, "The image is a seamless texture, whose sides continue on the other side."),
    "preset": (
        {"type": "string", "enum": sorted(PRESETS), "default": "balanced"},
        "Speed against quality.",
    ),
    "model": (
        {"type": "string", "enum": list_names()},
        "A shipped model, a family or an interpolation, instead of a preset.",
    ),
    "weights": (
        {"type": "string", "enum": ["auto", "clean", "photo", "line"], "default": "auto"},
        "Degradation domain of the weights; auto: photo for lossy images, line for line art, else clean.",
    ),
    "vivid": (
        {"type": "number", "minimum": 0, "maximum": 1},
        "From 0, faithful, to 1, sharp to the eye with invented detail.",
    ),
    "denoise": (
        {"type": "number", "minimum": 0, "maximum": 1},
        "From 0, weights for clean images, to 1, those for photographs; instead of weights and vivid.",
    ),
    "ensemble": (_FLAG, "Geometric self-ensemble: better, eight times slower."),
    "chop": (_FLAG, "Four overlapping quadrants, as published numbers were computed."),
    "bounded": ({"type": "boolean", "default": True}, "Hold flat parts within two levels of the input."),
    "skip_flat": (_FLAG, "Interpolate flat parts, and run the network on the rest."),
    "format": (
        {
            "type": "string",
            "enum": ["same", *(suffix.removeprefix(".") for suffix in (*OUTPUT_SUFFIXES, *CLIP_OUTPUT_SUFFIXES))],
        },
        "Type of the result, of a clip its container; same is the image's or clip's own.",
    ),
    "quality": ({"type": "integer", "minimum": 1, "maximum": 100}, "For JPEG, WebP, AVIF and JPEG XL."),
    "page": ({"type": "integer", "minimum": 1}, "One page or frame, counted from 1."),
    "metadata": (
        {"type": "string", "enum": ["keep", "strip", "copyright"], "default": "keep"},
        "EXIF, XMP and the rest: kept, left out but for the colour profile, or only who made the image.",
    ),
    "alpha": (
        {"type": "string", "enum": ["transparency", "separate", "opaque"], "default": "transparency"},
        "Alpha is transparency, data of its own, or left out.",
    ),
}
"""Schema and meaning of every option."""

MODE = {
    "name": "mode",
    "in": "query",
    "description": "auto: the image when it is done within the waiting time, else 202 with the job; wait: the image "
    "whenever it is done; job: 202 with the job at once (as Prefer: respond-async).",
    "schema": {"type": "string", "enum": ["auto", "wait", "job"], "default": "auto"},
}
FILE_NAME = {
    "name": "filename",
    "in": "query",
    "description": "Name of the image, from which that of the result is made; a form has its own.",
    "schema": {"type": "string", "examples": ["photo.jpg"]},
}


def describe_parameters() -> list[dict[str, Any]]:
    """Describe the options as query parameters."""
    return [
        {"name": name, "in": "query", "description": meaning, "schema": schema}
        for name, (schema, meaning) in OPTIONS.items()
    ]


def describe_form(*, file_field: str, several: bool) -> dict[str, Any]:
    """Describe a form with the options beside its file or files."""
    file = {"type": "string", "format": "binary", "description": "An image or a clip, with its file name."}
    return {
        "type": "object",
        "properties": {
            file_field: {"type": "array", "items": file, "minItems": 1} if several else file,
            **{name: {**schema, "description": meaning} for name, (schema, meaning) in OPTIONS.items()},
        },
        "required": [file_field],
    }
