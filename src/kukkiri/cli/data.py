"""``kukkiri data``: images fetched and prepared for training, and the check of their checksums."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from kukkiri.cli.printing import print_json, print_progress, print_result
from kukkiri.errors import ConfigError

__all__ = ["check_data", "fetch_data", "prepare_data"]


def prepare_data(
    folder: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    scale: Annotated[tuple[int, ...], Parameter(alias="-s")] = (2,),
    degradation: Annotated[str, Parameter(alias="-d")] = "bicubic",
    variants: int = 1,
    sub_image: int = 0,
    json: bool = False,
) -> int:
    """Decode images once and make LR images of them, in a folder that training maps into memory.

    Prepare the same images into the same folder again to add a scale or a degradation; HR is stored once. Images
    that cannot be read are named and left out, and the exit code is 1.

    Args:
        folder: folder of HR images.
        output: the prepared folder.
        scale: HR pixels for one LR pixel along a side; one set of LR images for each number.
        degradation: how LR is made from HR, such as bicubic or photo; see kukkiri degrade.
        variants: LR images of each HR image, each with its own sample of a random degradation.
        sub_image: longest side in HR pixels of the pieces that images are cut into; 0: whole images.
        json: print one JSON object to stdout and nothing else.
    """
    from kukkiri.data.prepare import prepare
    from kukkiri.data.prepared import LRSet

    lr_sets = [LRSet(number, degradation, variants) for number in scale]
    prepared = prepare(folder, output, lr_sets=lr_sets, sub_image=sub_image, report=_report)
    for problem in prepared.problems:
        print_progress(f"kukkiri: {problem}")
    images = len(prepared.sources) - len(prepared.problems)
    megapixels = sum(piece.height * piece.width for piece in prepared.pieces) / 1e6
    if json:
        print_json(
            {
                "folder": str(output),
                "images": images,
                "pieces": len(prepared.pieces),
                "megapixels": round(megapixels, 3),
                "lr": [
                    {"scale": lr_set.scale, "degradation": lr_set.degradation, "variants": lr_set.variants}
                    for lr_set in prepared.lr_sets
                ],
                "failed": prepared.problems,
            }
        )
    else:
        print_progress(f"images: {images}, pieces: {len(prepared.pieces)}, megapixels: {megapixels:.1f}")
        print_result(str(output))
    return 1 if prepared.problems else 0


def fetch_data(url: str, folder: Path, /, *, json: bool = False) -> int:
    """Copy a folder of S3, Google Cloud Storage or Azure to this disk, for training and evaluation, which read files.

    Only what is new or has changed is copied again. Objects that cannot be copied are named, and the exit code is 1.
    Needs the cloud extra; credentials come from the environment.

    Args:
        url: s3://BUCKET/FOLDER, gs:// or az://.
        folder: of this disk.
        json: print one JSON object to stdout and nothing else.
    """
    from kukkiri.storage import fetch_folder, find_url

    place = find_url(url)
    if place is None:
        raise ConfigError(f"{url}: lies on this disk. Name it where it is needed.")
    fetched = fetch_folder(place, folder, report=lambda listed, new: _report("objects", new, listed))
    for problem in fetched.problems:
        print_progress(f"kukkiri: {problem}")
    if json:
        print_json(
            {
                "folder": str(folder),
                "objects": fetched.objects,
                "copied": fetched.copied,
                "bytes": fetched.bytes,
                "failed": list(fetched.problems),
            }
        )
    else:
        print_progress(f"objects: {fetched.objects}, copied: {fetched.copied}, {fetched.bytes / 1e6:.1f} MB")
        print_result(str(folder))
    return 1 if fetched.problems else 0


def check_data(prepared: Path, /, *, json: bool = False) -> int:
    """Compare every file of a prepared folder with its checksum; the exit code is 1 when one differs.

    Args:
        prepared: folder made by kukkiri data prepare.
        json: print one JSON object to stdout and nothing else.
    """
    from kukkiri.data.prepared import PreparedFolder, is_prepared

    if not is_prepared(prepared):
        raise ConfigError(f"{prepared}: is not a prepared folder. Make one with kukkiri data prepare.")
    wrong = PreparedFolder.open(prepared).check()
    for problem in wrong:
        print_progress(f"kukkiri: {problem}")
    if json:
        print_json({"folder": str(prepared), "whole": not wrong, "wrong": wrong})
    elif not wrong:
        print_result(f"{prepared}: all checksums match")
    return 1 if wrong else 0


def _report(stage: str, done: int, total: int) -> None:
    if done == total or done % 50 == 0:
        print_progress(f"{stage}  {done}/{total}")
