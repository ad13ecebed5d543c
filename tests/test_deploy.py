"""What is deployed: the container's files, the Kubernetes manifests, the workflows."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from served import Served

from tenfold import __version__
from tenfold.cli.main import build_parser
from tenfold.cli.serve import LIMITS

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["tenfold"]
MANIFESTS: list[dict[str, Any]] = list(
    yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text())
)
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LATEST_KUBERNETES = "1.34"


def pod() -> dict[str, Any]:
    (deployment,) = (one for one in MANIFESTS if one["kind"] == "Deployment")
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def copied() -> list[str]:
    """Return the files and folders that the Dockerfile copies from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()]


def test_the_image_has_the_version_of_the_package() -> None:
    image = f"tenfold:{__version__}"
    assert image == COMPOSE["image"] == pod()["containers"][0]["image"]
    assert set(re.findall(r"tenfold:[0-9.]+[0-9]", DOCKERFILE)) == {image}


def test_the_image_is_built_from_files_that_docker_gets() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert sorted(copied()) == sorted(line[1:] for line in ignored if line.startswith("!"))


@pytest.mark.slow
def test_the_package_is_built_from_these_files_alone(tmp_path: Path) -> None:
    context = tmp_path / "context"
    for name in copied():
        source, target = ROOT / name, context / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "out", "."]
    result = subprocess.run(command, cwd=context, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_commands_are_accepted() -> None:
    parser = build_parser()
    (words,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    for command in (json.loads(words), COMPOSE["command"], pod()["containers"][0]["args"]):
        options = parser.parse_args(command)
        assert (options.host, options.port, options.quiet) == ("0.0.0.0", 8000, True)
    assert pod()["containers"][0]["ports"] == [{"name": "http", "containerPort": 8000}]
    assert re.findall(r"^EXPOSE (\d+)", DOCKERFILE, re.MULTILINE) == ["8000"]


def test_running_requests_have_time_to_end() -> None:
    (timeout,) = (default for name, _, default, _ in LIMITS if name == "timeout")
    wait = int(pod()["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod()["terminationGracePeriodSeconds"] > wait + timeout
    assert int(COMPOSE["stop_grace_period"].removesuffix("s")) > timeout


def test_probes_and_scrapes_are_answered() -> None:
    (container,) = pod()["containers"]
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")]
    (deployment,) = (one for one in MANIFESTS if one["kind"] == "Deployment")
    scrape = deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/path"]
    (check,) = re.findall(r"urlopen\('http://127\.0\.0\.1:8000(\S+)'", DOCKERFILE)
    server = Served(*container["args"][1:])
    try:
        for path in (*(probe["path"] for probe in probes), scrape, check):
            # The kubelet and Prometheus address a pod by its IP, other pods by the service's name.
            for host in ("10.1.2.3:8000", "127.0.0.1:8000", "tenfold"):
                assert server.ask(path, headers={"Host": host}).status == 200, (path, host)
    finally:
        server.end_well()
    assert {probe["port"] for probe in probes} == {"http"}


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: one["kind"])
def test_the_manifests_are_valid(manifest: dict[str, Any]) -> None:
    import kubernetes_validate  # for a second: not in every process that collects tests

    kubernetes_validate.validate(manifest, LATEST_KUBERNETES, strict=True)


def test_the_manifests_name_the_same_pods() -> None:
    labels = {"app.kubernetes.io/name": "tenfold"}
    assert len(MANIFESTS) == 4
    for manifest in MANIFESTS:
        spec = manifest["spec"]
        selector = spec.get("podSelector") or spec["selector"]
        assert selector.get("matchLabels", selector) == labels


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_workflows_call_targets_that_exist(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# UNTRIED")
    assert all(re.search(r"@v\d", use) for use in re.findall(r"uses: (.*)", text))
    commands = re.findall(r"run: make (?:PYTHON=\S+ )?(.*)", text)
    assert commands
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {target for command in commands for target in command.split()} <= targets


def test_the_workflows_try_every_python_that_is_supported() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    classifiers = re.findall(r'Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert jobs["matrix"]["strategy"]["matrix"]["python"] == classifiers
    support = (ROOT / "docs" / "reference" / "support.md").read_text()
    rows = re.findall(r"^\| (3\..*?) \|", support, re.MULTILINE)
    assert ", ".join(rows).split(", ") == classifiers
