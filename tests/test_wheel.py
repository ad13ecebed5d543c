"""What people install: the built wheel, alone in an empty environment, and the sources."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import tenfold
from tenfold.classifiers.model_file import shipped_models

ROOT = Path(__file__).parent.parent
MOST_BYTES = 25_000_000
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return built / f"tenfold-{tenfold.__version__}-py3-none-any.whl"


@pytest.fixture(scope="module")
def bill(wheel: Path) -> str:
    """The SBOM where PEP 770 puts it."""
    place = f"tenfold-{tenfold.__version__}.dist-info/sboms/tenfold.cdx.json"
    return zipfile.ZipFile(wheel).read(place).decode()


def test_there_is_one_version() -> None:
    assert PROJECT["dynamic"] == ["version"]  # of tenfold/__init__.py
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == tenfold.__version__
    released = f"\n## [{tenfold.__version__}] - {citation['date-released']}\n"
    assert released in (ROOT / "CHANGELOG.md").read_text()
    package = json.loads((ROOT / "javascript" / "package.json").read_text())
    assert package["version"] == tenfold.__version__


@pytest.mark.long
def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    assert wheel.stat().st_size < MOST_BYTES
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = ROOT / "src"
    assert names == {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path)
    }


@pytest.mark.long
def test_the_sdist_holds_all_sources(built: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("needs a checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    tracked = set(listed.stdout.decode().split("\0")) - {""}
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert packed - tracked == {"PKG-INFO"}
    assert tracked - packed == set()


@pytest.mark.long
def test_the_bill_of_materials_names_all_parts(bill: str, wheel: Path) -> None:
    found = json.loads(bill)
    assert found["metadata"]["component"]["version"] == tenfold.__version__
    components = {one["bom-ref"]: one for one in found["components"]}
    models = {one["name"] for one in components.values() if one["type"].startswith("machine")}
    assert models == set(shipped_models())
    fonts = components["data:hands"]["pedigree"]["ancestors"]
    credits = json.loads((ROOT / "src/tenfold/augmentation/hands.json").read_text())["fonts"]
    assert [(font["name"], font["version"]) for font in fonts] == [
        (f"@fontsource/{one['name']}", one["version"]) for one in credits
    ]
    required = {ref for ref, one in components.items() if one.get("scope") == "required"}
    assert len(required) == len(PROJECT["dependencies"])
    assert components["pkg:pypi/keras"]["scope"] == "optional"
    archive = zipfile.ZipFile(wheel)
    hashed = [components["data:hands"]]
    hashed += [file for one in components.values() for file in one.get("components", ())]
    for one in hashed:
        digest = hashlib.sha256(archive.read(one["name"])).hexdigest()
        assert one["hashes"] == [{"alg": "SHA-256", "content": digest}]
    learned = {one["ref"]: one["dependsOn"] for one in found["dependencies"]}
    assert learned["model:reader"] == ["data:mnist", "data:hands"]
    assert learned["model:tiny"] == ["data:mnist"]


@pytest.mark.long
def test_the_bill_of_materials_is_cyclonedx(bill: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None


@pytest.mark.slow
def test_the_tests_pass_from_the_sdist(built: Path, tmp_path: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = next(tmp_path.iterdir())
    tests = ["architecture", "bundle", "cli", "docs", "idx", "recipes", "wheel", "words"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "not (long or slow)", "-p", "no:cacheprovider",
         *(f"tests/test_{name}.py" for name in tests)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout


@pytest.mark.slow
def test_the_wheel_reads_a_digit_in_an_empty_environment(
    wheel: Path, tmp_path: Path, digit_png: Path
) -> None:
    def run(*words: object) -> str:
        result = subprocess.run(
            list(map(str, words)), cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    venv.create(tmp_path / "empty", with_pip=True)
    programs = tmp_path / "empty" / ("Scripts" if sys.platform == "win32" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", wheel)
    said = run(programs / "tenfold", "read", "--single", digit_png, "--json")
    assert json.loads(said)["pictures"][0]["lines"][0]["text"] == "7"
    probe = (
        "from importlib.util import find_spec; print(find_spec('keras'), find_spec('tensorflow'))"
    )
    assert run(programs / "python", "-c", probe).strip() == "None None"
