"""The scripts in ``examples/`` import one another as a script's own folder allows."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
