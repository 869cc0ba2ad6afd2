import builtins

import numpy as np
import pytest

from kukkiri.degradations.blur_kernels import gaussian_kernel
from kukkiri.degradations.kernel_files import kernel_view, load_kernel, save_kernel
from kukkiri.errors import BackendError, ConfigError
from tests.tolerances import FLOAT64_FEW_OPERATIONS

KERNEL = gaussian_kernel(2.0, 1.0, 0.3, size=7)


@pytest.mark.parametrize("name", ["kernel.npy", "kernel.txt", "kernel.csv"])
def test_a_saved_kernel_comes_back_with_every_digit(tmp_path, name):
    save_kernel(KERNEL, tmp_path / name)
    np.testing.assert_allclose(load_kernel(tmp_path / name), KERNEL, rtol=FLOAT64_FEW_OPERATIONS)


def test_an_existing_file_stays_unless_overwriting_is_asked(tmp_path):
    path = tmp_path / "kernel.npy"
    save_kernel(KERNEL, path)
    with pytest.raises(ConfigError, match="exists already"):
        save_kernel(2 * KERNEL, path)
    assert np.array_equal(np.load(path), KERNEL)
    save_kernel(KERNEL.T, path, overwrite=True)
    assert np.array_equal(np.load(path), KERNEL.T)
    with pytest.raises(ConfigError, match="cannot be written"):
        save_kernel(KERNEL, tmp_path / "nowhere" / "kernel.npy")
    assert [file.name for file in tmp_path.iterdir()] == ["kernel.npy"]


def test_commas_separate_numbers_and_the_sum_becomes_one(tmp_path):
    (tmp_path / "k.csv").write_text("1,2,1\n2,4,2\n1,2,1\n")
    np.testing.assert_allclose(load_kernel(tmp_path / "k.csv"), np.outer([1, 2, 1], [1, 2, 1]) / 16)


def test_matlab_and_npz_files_are_read_by_the_name_kernel(tmp_path):
    savemat = pytest.importorskip("scipy.io").savemat
    savemat(tmp_path / "k.mat", {"Kernel": KERNEL, "other": np.eye(3)})
    np.savez(tmp_path / "k.npz", kernel=KERNEL, other=np.eye(3))
    np.testing.assert_allclose(load_kernel(tmp_path / "k.mat"), KERNEL, rtol=FLOAT64_FEW_OPERATIONS)
    np.testing.assert_allclose(load_kernel(tmp_path / "k.npz"), KERNEL, rtol=FLOAT64_FEW_OPERATIONS)


def test_files_that_are_no_kernel_are_refused_with_their_name(tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.npy: no such kernel file"):
        load_kernel(tmp_path / "missing.npy")
    (tmp_path / "words.txt").write_text("not numbers")
    with pytest.raises(ConfigError, match=r"words\.txt as a kernel"):
        load_kernel(tmp_path / "words.txt")
    np.save(tmp_path / "row.npy", np.ones(3))
    with pytest.raises(ConfigError, match="a kernel is a matrix, got shape"):
        load_kernel(tmp_path / "row.npy")
    np.savez(tmp_path / "two.npz", a=np.eye(2), b=np.eye(2))
    with pytest.raises(ConfigError, match=r"two\.npz holds 2 matrices \(a, b\), expected one"):
        load_kernel(tmp_path / "two.npz")


def test_matlab_files_without_scipy_say_what_to_do(tmp_path, monkeypatch):
    real_import = builtins.__import__

    def no_scipy(name, *rest, **keywords):
        if name.startswith("scipy"):
            raise ImportError(name)
        return real_import(name, *rest, **keywords)

    monkeypatch.setattr(builtins, "__import__", no_scipy)
    with pytest.raises(BackendError, match=r"Install scipy, or save the kernel as \.npy"):
        load_kernel(tmp_path / "k.mat")


def test_the_view_is_black_at_zero_and_white_at_the_peak():
    view = kernel_view(np.array([[0.0, 0.25], [-0.1, 1.0]]), zoom=2)
    assert view.shape == (4, 4, 1)
    np.testing.assert_allclose(view[::2, ::2, 0], [[0, 0.5], [0, 1]])


def test_a_file_of_many_matrices_names_the_first(tmp_path):
    path = tmp_path / "many.npz"
    np.savez(path, **{f"kernel{number:02}": np.full((3, 3), 1 / 9) for number in range(20)})
    with pytest.raises(ConfigError, match=r"holds 20 matrices \(kernel00, .*, kernel05, \.\.\.\), expected one\."):
        load_kernel(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("broken.npy", b"xx", r"broken\.npy as a kernel: it is no \.npy file of NumPy\. Give one matrix"),
        ("broken.npz", b"xx", r"broken\.npz as a kernel: it is no \.npz file of NumPy\. Give one matrix"),
        ("empty.txt", b" \n", r"empty\.txt as a kernel: it is empty\. Give one matrix"),
        ("words.txt", b"hello", r"to float64 at row 0, column 1\. Give one matrix"),
    ],
)
def test_damaged_files_are_refused_in_one_plain_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_kernel(tmp_path / name)


def test_a_folder_is_no_kernel_file(tmp_path):
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(ConfigError, match=r"folder\.npy: a folder, expected a kernel file"):
        load_kernel(tmp_path / "folder.npy")


def test_a_truncated_matlab_file_is_refused(tmp_path):
    pytest.importorskip("scipy.io")
    (tmp_path / "broken.mat").write_bytes(b"xx")
    with pytest.raises(ConfigError, match=r"broken\.mat as a kernel: Mat file appears to be truncated\. Give one"):
        load_kernel(tmp_path / "broken.mat")
