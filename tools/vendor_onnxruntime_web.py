"""Vendor ONNX Runtime for the web: two files of one pinned npm package, checked by their sha256.

    python tools/vendor_onnxruntime_web.py           # fetch with npm and write
    python tools/vendor_onnxruntime_web.py --check   # compare the files in the tree, offline

The WebAssembly binary is kept as gzip data, a quarter of its size; the worker unpacks it. The module is named ``.js``,
for some web servers (nginx 1.22) do not know that ``.mjs`` is JavaScript. Only the build for the CPU is
vendored: the one for WebGPU is 26.8 MB.
"""

import argparse
import gzip
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "1.30.0"
PACKAGE = f"onnxruntime-web@{VERSION}"
SHA256 = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
TARGET = Path(__file__).parents[1] / "src/kukkiri/web/static/browser/vendor"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare the files in the tree with their sha256")
    if not parser.parse_args().check:
        write_files(fetch_files())
    wrong = [name for name, digest in SHA256.items() if hashlib.sha256(read_vendored(name)).hexdigest() != digest]
    print(f"onnxruntime-web {VERSION}: " + (f"{', '.join(wrong)} differ" if wrong else "as published"))
    return 1 if wrong else 0


def fetch_files() -> dict[str, bytes]:
    """The files of the package, as npm gives it; npm checks the package by the registry's sha512."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as package:
            members = {name: package.extractfile(f"package/dist/{name}") for name in SHA256}
            return {name: member.read() for name, member in members.items() if member is not None}


def write_files(files: dict[str, bytes]) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        if hashlib.sha256(data).hexdigest() != SHA256[name]:
            sys.exit(f"{name}: the package has other bytes than the pinned ones; nothing was written.")
    for name, data in files.items():
        vendored = name_vendored(name)
        vendored.write_bytes(gzip.compress(data, 9, mtime=0) if vendored.suffix == ".gz" else data)


def name_vendored(name: str) -> Path:
    return TARGET / (f"{name}.gz" if name.endswith(".wasm") else name.replace(".mjs", ".js"))


def read_vendored(name: str) -> bytes:
    data = name_vendored(name).read_bytes()
    return gzip.decompress(data) if name.endswith(".wasm") else data


if __name__ == "__main__":
    sys.exit(main())
