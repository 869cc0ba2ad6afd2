"""The files of deploy/: linted by their own programs, and every command line in them understood by kukkiri."""

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kukkiri.cli import app
from kukkiri.cli.serve import WorkOptions

DEPLOY = Path(__file__).parents[3] / "deploy"


def find_program(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def read_entrypoint() -> list[str]:
    return json.loads(re.search(r"^ENTRYPOINT (.+)$", read("Dockerfile"), re.MULTILINE)[1])


def parse(command: list[str]) -> dict[str, object]:
    """The options of a command line of kukkiri; fails when it does not understand them."""
    _, bound, _ = app.parse_args(command, exit_on_error=False, print_error=False)
    return bound.arguments


def test_hadolint_finds_nothing():
    found = subprocess.run(
        [find_program("hadolint"), DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_the_container_has_no_root_and_is_checked_at_the_port_that_it_serves():
    user = re.findall(r"^USER (\d+)$", read("Dockerfile"), re.MULTILINE)
    assert user == re.findall(r"useradd --uid (\d+)", read("Dockerfile"))
    assert user[0] != "0"
    command = read_entrypoint()
    assert command[0] == "kukkiri"
    network = parse(command[1:])["network"]
    assert (network.host, network.port) == ("0.0.0.0", 8080)
    check = json.loads(re.search(r"^ +CMD (\[.+\])$", read("Dockerfile"), re.MULTILINE)[1])
    ast.parse(check[2])
    assert f"http://127.0.0.1:{network.port}/health" in check[2]


def test_the_image_is_built_from_files_that_its_ignore_list_lets_through():
    allowed = {line[1:] for line in read("Dockerfile.dockerignore").splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", read("Dockerfile"), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == allowed
    assert all((DEPLOY.parent / name).exists() for name in allowed)


def test_the_compose_service_is_locked_down_and_its_command_is_understood():
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    compose = yaml.safe_load(read("compose.yaml"))
    service = compose["services"]["kukkiri"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    arguments = parse([*read_entrypoint()[1:], *service["command"]])
    assert str(arguments["network"].api_key) == "/run/secrets/api_keys"
    assert set(service["secrets"]) == set(compose["secrets"])
    assert arguments["limits"].max_memory_mb * 1e6 < 4 * 2**30  # of mem_limit
    assert int(service["stop_grace_period"].removesuffix("s")) > WorkOptions().stop_seconds


def test_systemd_finds_nothing_and_rates_the_unit_safe(tmp_path):
    program = find_program("systemd-analyze")
    unit = tmp_path / "kukkiri.service"
    unit.write_text(read("kukkiri.service").replace("/opt/kukkiri/bin/kukkiri", sys.executable), encoding="utf-8")
    found = subprocess.run([program, "verify", unit], capture_output=True, text=True, check=False)
    if "Failed to" in found.stderr and "system" in found.stderr and "kukkiri" not in found.stderr:
        pytest.skip(f"systemd-analyze does not work here: {found.stderr.strip()}")
    assert (found.returncode, found.stderr) == (0, "")
    rated = [program, "security", "--offline=true", "--threshold=20", "--no-pager", unit]  # 2.0 of 10
    assert subprocess.run(rated, capture_output=True, check=False).returncode == 0


def test_the_command_of_the_unit_is_understood():
    lines = re.findall(r"^(?:# +)?ExecStart=(/.+)$", read("kukkiri.service"), re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        network = parse(shlex.split(line)[1:])["network"]
        assert network.proxy == "127.0.0.1"
