"""``kukkiri inspect attention`` and ``kukkiri inspect attribution``: what a network looks at, as images."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from kukkiri.cli.printing import print_json, print_result
from kukkiri.errors import BackendError, ConfigError, ImageError, ModelError
from kukkiri.images import check_output, read_image

if TYPE_CHECKING:
    from kukkiri.checkpoints import Loaded

__all__ = ["inspect_attention", "inspect_attribution"]

_LARGEST = 2**20
"""LR pixels that a network is run on at once here; all its features are in memory."""


def inspect_attention(
    model: str,
    image: Path,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    pixel: str | None = None,
    crop: str | None = None,
    overwrite: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Draw the channel attention of every block, and where the non-local modules look from one pixel.

    Writes OUTPUT-channels and OUTPUT-positions, as far as the model has such modules. Needs the torch and
    report extras.

    Args:
        model: .safetensors or .pth file, or an id.
        image: the LR image.
        output: name of the images, such as maps.png for maps-channels.png and maps-positions.png.
        pixel: X,Y in the input (after the crop); its centre when not given.
        crop: LEFT,TOP,WIDTH,HEIGHT of the input to use; all when not given.
        overwrite: replace existing files.
        json: print one JSON object with the weights.
    """
    loaded = _load(model)
    from kukkiri.explain import attention_maps as maps

    targets = {kind: output.with_name(f"{output.stem}-{kind}{output.suffix}") for kind in ("channels", "positions")}
    for target in targets.values():
        _check_target(target, overwrite=overwrite)
    lr = _read(image, crop=crop)
    place = (lr.shape[1] // 2, lr.shape[0] // 2) if pixel is None else _numbers(pixel, names="X,Y", option="--pixel")
    result: dict[str, Any] = {"model": loaded.info.name, "pixel": list(place), "files": []}
    channels = _if_any(lambda: maps.channel_weights(loaded.module, lr))
    positions = _if_any(lambda: maps.position_weights(loaded.module, lr, pixel=(place[0], place[1])))
    if channels is None and positions is None:
        raise ModelError(
            f"{model}: {loaded.info.network} has neither channel attention nor non-local modules. "
            "Use kukkiri inspect attribution, which works for every network."
        )
    if channels is not None:
        maps.draw_channel_weights(channels, targets["channels"])
        result["files"].append(str(targets["channels"]))
        result["channels"] = [
            {"name": one.name, "order": one.order, "weights": [float(value) for value in one.weights]}
            for one in channels
        ]
    if positions is not None:
        maps.draw_position_weights(positions, lr, targets["positions"], pixel=(place[0], place[1]))
        result["files"].append(str(targets["positions"]))
        result["positions"] = [{"name": one.name, "largest": float(one.weights.max())} for one in positions]
    if json:
        print_json(result)
        return
    for row in result.get("channels", ()):
        weights = row["weights"]
        spread = f"{min(weights):.3f} to {max(weights):.3f}, mean {sum(weights) / len(weights):.3f}"
        print_result(f"{row['name']}: order {row['order']}, {len(weights)} channels, {spread}")
    for row in result.get("positions", ()):
        print_result(f"{row['name']}: largest weight of a position {row['largest']:.4f}")
    for file in result["files"]:
        print_result(file)


def inspect_attribution(
    model: str,
    image: Path,
    *,
    box: str,
    output: Annotated[Path, Parameter(alias="-o")],
    crop: str | None = None,
    steps: int = 50,
    margin: int = 96,
    overwrite: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Draw which input pixels a box of the output came from, and print the diffusion index.

    Needs the torch and report extras.

    Args:
        model: .safetensors or .pth file, or an id.
        image: the LR image.
        box: LEFT,TOP,WIDTH,HEIGHT in output pixels (after the crop); the authors of the method take 16 x 16.
        output: the image to write.
        crop: LEFT,TOP,WIDTH,HEIGHT of the input to use; all when not given.
        steps: of the path from blurred to sharp.
        margin: input pixels around the box that the network is given.
        overwrite: replace an existing file.
        json: print one JSON object.
    """
    loaded = _load(model)
    from kukkiri.explain import attribution

    _check_target(output, overwrite=overwrite)
    if steps < 1 or margin < 0:
        raise ConfigError(f"--steps must be at least 1 and --margin at least 0, got {steps} and {margin}.")
    lr = _read(image, crop=crop)
    left, top, width, height = _numbers(box, names="LEFT,TOP,WIDTH,HEIGHT", option="--box")
    place = (left, top, width, height)
    result = attribution.attribute(loaded.module, lr, box=place, steps=steps, margin=margin)
    sr = attribution.upscale_array(loaded.module, lr)
    attribution.draw_attribution(result, lr, sr, output, box=place, scale=loaded.info.scale)
    if json:
        values = {"diffusion_index": result.diffusion_index, "change": result.change, "sum": float(result.map.sum())}
        print_json({"model": loaded.info.name, "box": list(place), **values, "file": str(output)})
        return
    print_result(f"{loaded.info.name}: diffusion index {result.diffusion_index:.2f} of 100")
    print_result(str(output))


def _load(model: str) -> "Loaded":
    if importlib.util.find_spec("torch") is None:
        raise BackendError("looking into a network needs torch. Install kukkiri[torch].")
    from kukkiri.checkpoints import load

    return load(model)


def _check_target(path: Path, *, overwrite: bool) -> None:
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ConfigError(f"{path}: drawings are written as .png, .svg or .pdf. Change the suffix.")
    if path.suffix.lower() == ".png":
        check_output(path, overwrite=overwrite)
    elif path.exists() and not overwrite:
        raise ConfigError(f"{path}: exists. Add --overwrite, or choose another name.")


def _read(image: Path, *, crop: str | None) -> NDArray[np.float32]:
    colour = read_image(image).colour
    height, width = colour.shape[:2]
    if crop is not None:
        x, y, w, h = _numbers(crop, names="LEFT,TOP,WIDTH,HEIGHT", option="--crop")
        if min(x, y) < 0 or min(w, h) < 1 or x + w > width or y + h > height:
            raise ConfigError(f"--crop {crop} is not inside {image} of {width}x{height} pixels.")
        colour = colour[y : y + h, x : x + w]
    if colour.shape[0] * colour.shape[1] > _LARGEST:
        raise ImageError(
            f"{image}: {width}x{height} pixels are too many to look into at once; expected at most {_LARGEST}. "
            "Add --crop LEFT,TOP,WIDTH,HEIGHT."
        )
    return colour


def _numbers(text: str, *, names: str, option: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != names.count(",") + 1 or not all(part.strip().lstrip("-").isdigit() for part in parts):
        raise ConfigError(f"{option} {text!r}: expected {names}, whole numbers with commas between.")
    return tuple(int(part) for part in parts)


def _if_any(find: Any) -> Any:
    """What was found, or ``None`` where the network has no such module."""
    try:
        return find()
    except ModelError:
        return None
