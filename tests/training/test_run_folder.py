import subprocess
import sys

import pytest

from kukkiri.errors import ConfigError
from kukkiri.training import Recipe
from kukkiri.training.run_folder import RunFolder


def recipe(folder):
    return Recipe(name="tiny", network="espcn", scale=2, output=str(folder / "deep" / "runs"))


def test_a_start_that_fails_leaves_no_folder(tmp_path):
    with pytest.raises(ZeroDivisionError), RunFolder.opened(recipe(tmp_path), resume=False):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_folders_that_were_there_stay(tmp_path):
    runs = tmp_path / "deep" / "runs"
    runs.mkdir(parents=True)
    with pytest.raises(ZeroDivisionError), RunFolder.opened(recipe(tmp_path), resume=False):
        _ = 1 / 0
    assert list(runs.iterdir()) == []
    (runs / "tiny").mkdir()
    with pytest.raises(ZeroDivisionError), RunFolder.opened(recipe(tmp_path), resume=False):
        _ = 1 / 0
    assert (runs / "tiny").is_dir()


def test_what_a_run_wrote_stays(tmp_path):
    with pytest.raises(OverflowError), RunFolder.opened(recipe(tmp_path), resume=False) as folder:
        write_and_fail(folder, recipe(tmp_path))
    assert (folder.path / "recipe.json").is_file()


def write_and_fail(folder, settings):
    folder.write_recipe(settings)
    raise OverflowError


def test_a_second_run_is_kept_out(tmp_path):
    code = (
        "import sys\nfrom kukkiri.training import Recipe\nfrom kukkiri.training.run_folder import RunFolder\n"
        "recipe = Recipe(name='tiny', network='espcn', scale=2, output=sys.argv[1])\n"
        "with RunFolder.opened(recipe, resume=False):\n    print('open', flush=True)\n    sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, recipe(tmp_path).output]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        with (
            pytest.raises(ConfigError, match=r"tiny: another process trains there\. Wait for its end"),
            RunFolder.opened(recipe(tmp_path), resume=True),
        ):
            pass
        other.kill()
    with RunFolder.opened(recipe(tmp_path), resume=True):
        pass  # a killed process holds nothing


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "deep").write_text("a file")
    with pytest.raises(ConfigError, match="tiny: cannot be written"), RunFolder.opened(recipe(tmp_path), resume=False):
        pass


def test_an_existing_run_is_not_overwritten(tmp_path):
    with RunFolder.opened(recipe(tmp_path), resume=False) as folder:
        folder.checkpoint.touch()
    with pytest.raises(ConfigError, match="exists already"), RunFolder.opened(recipe(tmp_path), resume=False):
        pass
