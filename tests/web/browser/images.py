"""Images of every kind that the browser's engine must treat as Python does, made by formulas."""

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageCms


def make_scene(height: int, width: int) -> np.ndarray:
    """Waves, edges, a flat block, a one-pixel dither and noise: (H, W, 3), uint8."""
    rng = np.random.default_rng(11)
    rows, columns = np.indices((height, width)) / np.array([height, width])[:, None, None]
    waves = [0.5 + 0.4 * np.sin(20 * (rows * a + columns * b) ** 1.5) for a, b in ((1, 0.3), (0.4, 1), (0.8, 0.8))]
    scene = np.stack(waves, axis=-1)
    scene[(rows - 0.3) ** 2 + (columns - 0.6) ** 2 < 0.03] = (0.9, 0.2, 0.1)
    scene[: height // 5, : width // 3] = 0.85
    dither = np.indices((height, width)).sum(axis=0) % 2
    scene[-height // 4 :, -width // 3 :] = dither[-height // 4 :, -width // 3 :, None] * 0.8
    scene += rng.normal(0, 0.02, scene.shape)
    return np.clip(np.rint(255 * scene), 0, 255).astype(np.uint8)


def write_images(folder: Path) -> dict[str, Path]:
    """Write the images; their paths by name."""
    names = ("odd", "alpha", "grey", "sixteen", "palette", "tiled", "turned", "page")
    paths = {name: folder / f"{name}.png" for name in names}
    PillowImage.fromarray(make_scene(67, 101)).save(paths["odd"])
    scene = make_scene(91, 64)
    ramp = np.clip(np.linspace(-200, 400, 91 * 64).reshape(91, 64), 0, 255).astype(np.uint8)
    PillowImage.fromarray(np.dstack([scene, ramp])).save(paths["alpha"])
    PillowImage.fromarray(make_scene(50, 77)[..., 0]).save(paths["grey"])
    sixteen = (make_scene(40, 45)[..., 0].astype(np.int32) * 257 + 100).clip(0, 65535).astype(np.uint16)
    PillowImage.fromarray(sixteen).save(paths["sixteen"])
    PillowImage.fromarray(make_scene(48, 52)).quantize(50).save(paths["palette"], transparency=3)
    PillowImage.fromarray(make_scene(420, 530)).save(paths["tiled"])
    page = np.full((60, 80, 3), (250, 246, 240), dtype=np.uint8)
    page[8:52:6, 6:70], page[4:56, 40:43] = (30, 20, 60), (160, 40, 30)
    PillowImage.fromarray(page).save(paths["page"])
    exif = PillowImage.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    PillowImage.fromarray(make_scene(33, 58)).save(paths["turned"], exif=exif, icc_profile=profile)
    paths["photo"] = folder / "photo.jpg"
    PillowImage.fromarray(make_scene(72, 88)).save(paths["photo"], quality=80, exif=exif, icc_profile=profile)
    return paths
