"""``kukkiri export --alpha`` from the command line."""

import pytest

from kukkiri.cli.export import export
from kukkiri.errors import ConfigError

pytest.importorskip("torch")


def test_alpha_without_a_second_model_is_refused_instead_of_ignored(tmp_path):
    with pytest.raises(ConfigError, match=r"^--alpha 0\.5 is of --interpolate, which is not given\. "):
        export("espcn-x3", output=tmp_path / "a.onnx", alpha=0.5)
    assert not list(tmp_path.iterdir())
