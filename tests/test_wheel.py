"""What people install: the built wheel, alone in an empty environment."""

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST_BYTES = 15_000_000


@pytest.mark.slow
def test_the_wheel_reads_a_digit_in_an_empty_environment(tmp_path: Path, digit_png: Path) -> None:
    def run(*words: object) -> str:
        result = subprocess.run(
            list(map(str, words)), cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT)
    wheel = next(tmp_path.glob("tenfold-*.whl"))
    assert wheel.stat().st_size < MOST_BYTES
    templates = {str(path.relative_to(ROOT / "src")) for path in ROOT.glob("src/**/*.html")}
    assert len(templates) >= 6
    assert templates <= set(zipfile.ZipFile(wheel).namelist())
    venv.create(tmp_path / "empty", with_pip=True)
    programs = tmp_path / "empty" / ("Scripts" if sys.platform == "win32" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", wheel)
    said = run(programs / "tenfold", "read", "--single", digit_png, "--json")
    assert json.loads(said)["pictures"][0]["lines"][0]["text"] == "7"
    probe = (
        "from importlib.util import find_spec; print(find_spec('keras'), find_spec('tensorflow'))"
    )
    assert run(programs / "python", "-c", probe).strip() == "None None"
