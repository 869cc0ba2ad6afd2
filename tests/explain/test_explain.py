import subprocess
import sys

import pytest

import kukkiri.explain
from kukkiri import explain


def test_every_public_name_is_there_and_listed_once():
    assert explain.__all__ == sorted(explain.__all__)
    assert sorted(name for names in explain._HOMES.values() for name in names) == explain.__all__
    with pytest.raises(AttributeError, match="no attribute 'attributee'"):
        kukkiri.explain.attributee  # noqa: B018


def test_the_names_need_torch_only_where_a_network_is_looked_into():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from kukkiri.explain import UpsamplerReport, draw_difference, inspect_upsampler\n"
        "report = inspect_upsampler(__import__('kukkiri').pretrained.locate('espcn-x2', '.onnx').as_posix())\n"
        "assert report.network.texture.score < 1 and report.invisible, report"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
