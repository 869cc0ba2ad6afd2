"""The scripts of ``benchmarks/``, as modules."""

import importlib
import sys
from pathlib import Path
from unittest import mock

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def load_benchmark(name):
    """Import a script, which may import others beside it."""
    with mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
        return importlib.import_module(name)
