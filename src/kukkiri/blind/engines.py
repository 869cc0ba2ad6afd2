"""USRNet, DPSR, a denoiser as a prior, and IKC as engines of :class:`kukkiri.Upscaler`, so of ``kukkiri upscale``.

The solvers with a kernel are :class:`kukkiri.inference.kernel_engine.KernelEngine`; IKC finds its own and needs none.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.blind.half_quadratic import Denoiser, solve_dpsr, solve_plug_and_play
from kukkiri.blind.ikc import find_ikc_covariance, solve_ikc
from kukkiri.blind.image_tensors import Pixels
from kukkiri.blind.usrnet_solver import solve_usrnet
from kukkiri.blind.weights import is_denoiser, load_denoiser
from kukkiri.checkpoints import Loaded, load, load_for_scale
from kukkiri.degradations import shrink_kernel
from kukkiri.errors import ModelError
from kukkiri.inference.engine import Footprint
from kukkiri.inference.kernel_engine import KernelEngine, describe_solver, read_scale
from kukkiri.inference.torch_engine import TorchEngine
from kukkiri.info import JSON, ModelInfo
from kukkiri.networks import DPSR, SFTMD, IKCCorrector, IKCPredictor, ModulatedPlain, USRNet

__all__ = ["CovarianceIKCEngine", "IKCEngine", "load_solver"]

Batch = NDArray[np.float32]


class IKCEngine:
    """IKC's three networks, which find the kernel and upscale in seven turns."""

    def __init__(
        self, network: SFTMD | ModulatedPlain, *, info: ModelInfo, predictor: IKCPredictor, corrector: IKCCorrector
    ) -> None:
        """Join them; the tensors' lengths are compared when they run."""
        self._network, self._predictor, self._corrector = network, predictor, corrector
        self.info = ModelInfo(
            name=info.name, network="ikc", scale=info.scale, colour="rgb", receptive_field=None, sha256=info.sha256
        )
        self.footprint = Footprint(linear=3.0 * 4 * 64 * info.scale**2)

    def run(self, batch: Batch) -> Batch:
        """Map lr (N, 3, H, W) to sr."""
        results = []
        for image in batch:
            lr = np.ascontiguousarray(image.transpose(1, 2, 0))
            found = solve_ikc(lr, predictor=self._predictor, corrector=self._corrector, network=self._network)
            results.append(found.image.transpose(2, 0, 1))
        return np.stack(results).astype(np.float32)


class CovarianceIKCEngine(IKCEngine):
    """IKC's loop around a network whose code is the covariance of the blur, which can be printed and given by hand."""

    def __init__(
        self, network: ModulatedPlain, *, info: ModelInfo, predictor: IKCPredictor, corrector: IKCCorrector
    ) -> None:
        """Join them; the tensors' lengths are compared when they run."""
        super().__init__(network, info=info, predictor=predictor, corrector=corrector)
        self.solver = TorchEngine(network, info=info)
        self._find = partial(find_ikc_covariance, network=network, predictor=predictor, corrector=corrector)

    def find_covariance(self, image: Pixels) -> tuple[float, float, float]:
        """Estimate the covariance of an image's blur, see :func:`kukkiri.blind.ikc.find_ikc_covariance`."""
        return self._find(image)


def load_solver(path: Path, *, scale: float | None, arguments: Mapping[str, JSON]) -> KernelEngine | IKCEngine | Loaded:
    """Load a file as a solver; a file of another network is returned as it is.

    Args:
        path: weights of USRNet, of DPSR, of a denoiser (DnCNN), of SFTMD or of ModulatedPlain.
        scale: that is wanted; solvers of any scale take it, 2 when not given.
        arguments: ``prior_noise``: the noise in [0, 1] that a DnCNN was trained for; ``predictor`` and ``corrector``:
            IKC's files, for SFTMD or ModulatedPlain; others go to :func:`kukkiri.load`.

    Raises:
        ModelError: the file cannot be read, or an argument does not fit it.
        ConfigError: the scale is none that a solver can give.
    """
    options = dict(arguments)
    prior, parts = options.pop("prior_noise", None), {key: options.pop(key, None) for key in ("predictor", "corrector")}
    if prior is not None:
        if isinstance(prior, bool) or not isinstance(prior, int | float):
            raise ModelError(f"{path}: prior_noise must be a number in (0, 1], as 0.098 for 25/255, got {prior!r}.")
        denoiser = load_denoiser(path, noise_std=float(prior))
        return _make_denoising(denoiser, path.stem, scale=read_scale(path.stem, scale))
    try:
        loaded = load_for_scale(path, scale=scale, arguments=options)
    except ModelError:
        if not is_denoiser(path):
            raise
        raise ModelError(
            f"{path}: a denoiser (DnCNN), the prior of a plug-and-play solver. Say the noise that it was trained for, "
            "such as 25/255: --model-args prior_noise=0.098."
        ) from None
    given = {key: str(value) for key, value in parts.items() if value is not None}
    if given:
        return _make_ikc(loaded, given)
    module = loaded.module
    if isinstance(module, USRNet):
        return _make_usrnet(module, loaded.info)
    if isinstance(module, DPSR) and module.scale > 1:
        return _make_dpsr(module, loaded.info)
    return loaded


def _make_usrnet(module: USRNet, info: ModelInfo) -> KernelEngine:
    def solve(lr: Batch, kernel: NDArray[np.float64], noise_std: float) -> NDArray[Any]:
        return solve_usrnet(lr, kernel, scale=info.scale, network=module, noise_std=noise_std)

    return KernelEngine(solve, info=describe_solver(info.name, "usrnet", info.scale, sha256=info.sha256))


def _make_dpsr(module: DPSR, info: ModelInfo) -> KernelEngine:
    def solve(lr: Batch, kernel: NDArray[np.float64], noise_std: float) -> NDArray[Any]:
        middle = (kernel.shape[0] // 2, kernel.shape[1] // 2)
        blur = shrink_kernel(kernel, by=(1 / info.scale, 1 / info.scale), about=middle)  # in LR pixels
        return solve_dpsr(lr, blur, network=module, noise_std=noise_std or None)

    return KernelEngine(
        solve, info=describe_solver(info.name, "dpsr", info.scale, subsample="bicubic", sha256=info.sha256)
    )


def _make_denoising(denoiser: Denoiser, name: str, *, scale: int) -> KernelEngine:
    def solve(lr: Batch, kernel: NDArray[np.float64], noise_std: float) -> NDArray[Any]:
        return solve_plug_and_play(lr, kernel, denoiser=denoiser, scale=scale, noise_std=noise_std or None)

    return KernelEngine(solve, info=describe_solver(name, "plug-and-play", scale))


def _make_ikc(loaded: Loaded, parts: Mapping[str, str]) -> IKCEngine:
    network = loaded.module
    if not isinstance(network, SFTMD | ModulatedPlain) or set(parts) != {"predictor", "corrector"}:
        raise ModelError(
            f"{loaded.info.name}: IKC is an SFTMD or a ModulatedPlain with a predictor and a corrector, got a "
            f"{loaded.info.network} with {' and '.join(parts)}. Give all three."
        )
    predictor, corrector = (load(parts[key]).module for key in ("predictor", "corrector"))
    if not isinstance(predictor, IKCPredictor) or not isinstance(corrector, IKCCorrector):
        raise ModelError(
            f"{loaded.info.name}: predictor={parts['predictor']} is a {type(predictor).__name__} and corrector="
            f"{parts['corrector']} a {type(corrector).__name__}. Give IKC's."
        )
    if isinstance(network, ModulatedPlain):
        return CovarianceIKCEngine(network, info=loaded.info, predictor=predictor, corrector=corrector)
    return IKCEngine(network, info=loaded.info, predictor=predictor, corrector=corrector)
