"""Kernels in files: ``.npy``, ``.npz``, text, and MATLAB's ``.mat`` (version 5, read with SciPy)."""

import io
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.blur_kernels import Kernel, as_kernel
from kukkiri.errors import BackendError, ConfigError
from kukkiri.files import write_atomically

__all__ = ["KERNEL_SUFFIXES", "find_kernel_path", "kernel_view", "load_kernel", "load_matrix", "save_kernel"]

KERNEL_SUFFIXES = (".npy", ".npz", ".mat", ".txt")
"""Of kernel files, by which they differ from text forms of blurs."""
_NUMPY_FILES = (b"\x93NUMPY", b"PK")
"""First bytes of ``.npy`` and ``.npz``."""
_LISTED = 6
"""Names of arrays in a message."""


def find_kernel_path(text: str) -> str | None:
    """Return the path of a kernel file that a text is, with ``file:`` before it or not; ``None``: it is a blur."""
    if Path(text).suffix.lower() not in KERNEL_SUFFIXES or "+" in text:
        return None
    return unquote(text.removeprefix("file:")) if text.startswith("file:") else text


def load_kernel(path: str | Path) -> Kernel:
    """Read a kernel and normalize it.

    Args:
        path: ``.npy``; ``.npz`` with one matrix; ``.mat`` with one matrix, or one called ``kernel`` or ``Kernel``
            (MZSR's and ZSSR's names); anything else is text, numbers separated by blanks or commas.

    Raises:
        ConfigError: the file cannot be read, or does not hold a kernel.
        BackendError: a ``.mat`` file without SciPy installed.
    """
    values = load_matrix(path)
    try:
        return as_kernel(values)
    except (ValueError, TypeError) as problem:
        raise _refuse(path, problem) from problem


def load_matrix(
    path: str | Path, *, names: tuple[str, ...] = ("kernel", "Kernel"), dimensions: tuple[int, ...] = (2,)
) -> NDArray[Any]:
    """Read one array from a file, see :func:`load_kernel`.

    Args:
        path: the file.
        names: of the array that is meant where a file holds several.
        dimensions: that it may have.

    Raises:
        ConfigError: the file cannot be read, or does not hold one.
        BackendError: a ``.mat`` file without SciPy installed.
    """
    path = Path(path)
    try:
        match path.suffix.lower():
            case ".npy" | ".npz" if not path.read_bytes().startswith(_NUMPY_FILES):
                raise ValueError(f"it is no {path.suffix.lower()} file of NumPy")
            case ".npy":
                return np.asarray(np.load(path, allow_pickle=False))
            case ".npz":
                with np.load(path, allow_pickle=False) as archive:
                    return _only_matrix(dict(archive), path, names=names, dimensions=dimensions)
            case ".mat":
                return _only_matrix(_read_mat(path), path, names=names, dimensions=dimensions)
            case _:
                lines = [line for line in path.read_text().replace(",", " ").splitlines() if line.strip()]
                if not lines:
                    raise ValueError("it is empty")
                return np.loadtxt(lines, ndmin=2)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such kernel file. Give a .npy, .npz, .mat or text file.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: a folder, expected a kernel file. Give a .npy, .npz, .mat or text file.") from None
    except (OSError, ValueError, TypeError) as problem:
        raise _refuse(path, problem) from problem


def save_kernel(kernel: NDArray[np.floating[Any]], path: str | Path, *, overwrite: bool = False) -> None:
    """Write a kernel as float64, whole or not at all: ``.npy``, or text with every digit for another suffix.

    Args:
        kernel: (height, width).
        path: the file.
        overwrite: replace an existing file.

    Raises:
        ConfigError: the file exists and ``overwrite`` is false, or it cannot be written.
    """
    path = Path(path)
    data = io.BytesIO()
    if path.suffix.lower() == ".npy":
        np.save(data, np.asarray(kernel, dtype=np.float64))
    else:
        np.savetxt(data, kernel, fmt="%.17g")
    try:
        write_atomically(path, data.getvalue(), overwrite=overwrite)
    except FileExistsError as error:
        raise ConfigError(f"{path}: exists already. Choose another name, or allow overwriting.") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror or error}). Choose another folder.") from error


def kernel_view(kernel: NDArray[np.floating[Any]], *, zoom: int = 12) -> NDArray[np.float32]:
    """An image of a kernel: each weight a square, black at zero and below, white at the largest.

    Returns:
        (zoom * height, zoom * width, 1), float32, [0, 1]; gamma 1/2 so that the tails show.
    """
    bright = np.sqrt(np.clip(kernel / np.max(kernel), 0.0, 1.0)).astype(np.float32)
    return np.kron(bright, np.ones((zoom, zoom), dtype=np.float32))[..., None]


def _refuse(path: str | Path, problem: Exception) -> ConfigError:
    return ConfigError(f"cannot use {path} as a kernel: {str(problem).rstrip('.')}. Give one matrix of numbers.")


def _only_matrix(
    arrays: dict[str, Any], path: Path, *, names: tuple[str, ...], dimensions: tuple[int, ...]
) -> NDArray[Any]:
    matrices = {name: array for name, array in arrays.items() if getattr(array, "ndim", 0) in dimensions}
    for name in names:
        if name in matrices:
            return np.asarray(matrices[name])
    if len(matrices) != 1:
        listed = ", ".join(sorted(arrays)[:_LISTED]) + (", ..." if len(arrays) > _LISTED else "")
        raise ConfigError(
            f"{path} holds {len(matrices)} matrices ({listed or 'nothing'}), expected one. "
            f"Name the right one '{names[0]}'."
        )
    return np.asarray(next(iter(matrices.values())))


def _read_mat(path: Path) -> dict[str, Any]:
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError:
        raise BackendError(
            f"{path} is a MATLAB file, which needs SciPy. Install scipy, or save the kernel as .npy."
        ) from None
    try:
        contents = loadmat(path)
    except NotImplementedError:
        raise ConfigError(f"{path} is a MATLAB 7.3 file. Save it with '-v7', or as text.") from None
    except MatReadError as problem:
        raise _refuse(path, problem) from problem
    return {name: value for name, value in contents.items() if not name.startswith("__")}
