"""Run by `make wheel` where the wheel alone is installed: a drawn seven is read as one."""

import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageDraw

found = distribution("tenfold")
assert any(file.match("sboms/tenfold.cdx.json") for file in found.files or ()), "no SBOM"
assert find_spec("keras") is None, "keras is installed, too"
program = Path(sysconfig.get_path("scripts")) / "tenfold"
with tempfile.TemporaryDirectory() as folder:
    picture = Path(folder) / "seven.png"
    sheet = Image.new("L", (200, 240), 255)
    ImageDraw.Draw(sheet).line([(50, 50), (150, 50), (90, 190)], fill=0, width=16, joint="curve")
    sheet.save(picture)
    command = [str(program), "read", "--single", str(picture)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
assert said == "7\n", said
print(f"tenfold {found.version} reads on Python {sys.version.split()[0]}, {sys.platform}")  # noqa: T201
