"""``kukkiri inspect attention`` and ``kukkiri inspect attribution``: maps of a network on an image."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from kukkiri.cli.model_arguments import DEFAULT_ARGUMENTS, ArgumentOptions, read_one
from kukkiri.cli.printing import print_json, print_result
from kukkiri.devices import resolve_device
from kukkiri.errors import ConfigError, require

if TYPE_CHECKING:
    from kukkiri.explain import AttentionMaps

__all__ = ["inspect_attention", "inspect_attribution"]


def inspect_attention(
    model: str,
    image: Path,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    pixel: str | None = None,
    crop: str | None = None,
    scale: Annotated[int | None, Parameter(alias="-s")] = None,
    arguments: ArgumentOptions = DEFAULT_ARGUMENTS,
    device: str = "auto",
    overwrite: bool = False,
    json: bool = False,
) -> None:
    """Draw the channel attention of every block, and the attention of one pixel in every non-local module.

    Writes OUTPUT-channels and OUTPUT-positions, as far as the model has such modules. Needs the torch and
    report extras.

    Args:
        model: .safetensors or .pth file, or id.
        image: the LR image.
        output: .png, .svg or .pdf name, such as maps.png for maps-channels.png and maps-positions.png.
        pixel: X,Y in the input (after the crop); its centre when not given.
        crop: LEFT,TOP,WIDTH,HEIGHT in input pixels; all when not given.
        scale: of weights that do not tell it or serve several, such as those of FSRCNN and MDSR.
        device: auto (a GPU when torch sees one), cpu, cuda, cuda:N or mps.
        overwrite: replace existing files.
        json: print one JSON object with the weights to stdout and nothing else.
    """
    require("torch", for_what="inspecting a network")
    from kukkiri import explain  # torch
    from kukkiri.checkpoints import load
    from kukkiri.explain.figures import check_figure_path

    place = resolve_device(device)
    loaded = load(model, **read_one(arguments, model, scale=scale))
    loaded.module.to(place)
    targets = {kind: output.with_name(f"{output.stem}-{kind}{output.suffix}") for kind in ("channels", "positions")}
    for target in targets.values():
        check_figure_path(target, overwrite=overwrite)
    lr = explain.read_lr(image, crop=None if crop is None else _box(crop, option="--crop"))
    x, y = (lr.shape[1] // 2, lr.shape[0] // 2) if pixel is None else _numbers(pixel, names="X,Y", option="--pixel")
    maps = explain.find_attention(loaded.module, lr, pixel=(x, y))
    files = []
    if maps.channels:
        explain.draw_channel_weights(maps.channels, targets["channels"])
        files.append(str(targets["channels"]))
    if maps.positions:
        explain.draw_position_weights(maps.positions, lr, targets["positions"], pixel=(x, y))
        files.append(str(targets["positions"]))
    if json:
        print_json({"model": loaded.info.name, "pixel": [x, y], "files": files, **_attention_json(maps)})
        return
    for channels in maps.channels:
        weights = channels.weights
        spread = f"{weights.min():.3f} to {weights.max():.3f}, mean {weights.mean():.3f}"
        print_result(f"{channels.name}: order {channels.order}, {weights.size} channels, {spread}")
    for positions in maps.positions:
        print_result(f"{positions.name}: largest weight of a position {positions.weights.max():.4f}")
    for file in files:
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
    scale: Annotated[int | None, Parameter(alias="-s")] = None,
    arguments: ArgumentOptions = DEFAULT_ARGUMENTS,
    device: str = "auto",
    overwrite: bool = False,
    json: bool = False,
) -> None:
    """Draw which input pixels a box of the output depends on, and print the diffusion index.

    Needs the torch and report extras.

    Args:
        model: .safetensors or .pth file, or id.
        image: the LR image.
        box: LEFT,TOP,WIDTH,HEIGHT in output pixels (after the crop); the authors of the method use 16 x 16.
        output: .png, .svg or .pdf file to write.
        crop: LEFT,TOP,WIDTH,HEIGHT in input pixels; all when not given.
        steps: of the integral along the path from the blurred image to the image, at least 1.
        margin: input pixels around the box that the network is given.
        scale: of weights that do not tell it or serve several, such as those of FSRCNN and MDSR.
        device: auto (a GPU when torch sees one), cpu, cuda, cuda:N or mps.
        overwrite: replace an existing file.
        json: print one JSON object to stdout and nothing else.
    """
    require("torch", for_what="inspecting a network")
    from kukkiri import explain  # torch
    from kukkiri.checkpoints import load
    from kukkiri.explain.figures import check_figure_path

    check_figure_path(output, overwrite=overwrite)
    if steps < 1 or margin < 0:
        raise ConfigError(f"--steps must be at least 1 and --margin at least 0, got {steps} and {margin}.")
    place = resolve_device(device)
    loaded = load(model, **read_one(arguments, model, scale=scale))
    loaded.module.to(place)
    lr = explain.read_lr(image, crop=None if crop is None else _box(crop, option="--crop"))
    region = _box(box, option="--box")
    result = explain.attribute(loaded.module, lr, box=region, steps=steps, margin=margin)
    sr = explain.upscale_array(loaded.module, lr)
    explain.draw_attribution(result, lr, sr, output, box=region, scale=loaded.info.scale)
    if json:
        values = {"diffusion_index": result.diffusion_index, "change": result.change, "sum": float(result.map.sum())}
        print_json({"model": loaded.info.name, "box": list(region), **values, "file": str(output)})
        return
    print_result(f"{loaded.info.name}: diffusion index {result.diffusion_index:.2f} of 100")
    print_result(str(output))


def _attention_json(maps: "AttentionMaps") -> dict[str, Any]:
    """The kinds of attention that the network has."""
    found: dict[str, Any] = {
        "channels": [
            {"name": channels.name, "order": channels.order, "weights": channels.weights.tolist()}
            for channels in maps.channels
        ],
        "positions": [
            {"name": positions.name, "largest": float(positions.weights.max())} for positions in maps.positions
        ],
    }
    return {kind: rows for kind, rows in found.items() if rows}


def _box(text: str, *, option: str) -> tuple[int, int, int, int]:
    left, top, width, height = _numbers(text, names="LEFT,TOP,WIDTH,HEIGHT", option=option)
    return left, top, width, height


def _numbers(text: str, *, names: str, option: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != names.count(",") + 1 or not all(part.strip().lstrip("-").isdigit() for part in parts):
        raise ConfigError(f"{option} {text!r}: expected {names}, whole numbers with commas between.")
    return tuple(int(part) for part in parts)
