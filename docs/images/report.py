"""Take report.png: the top of the report that a training of `standard` leaves.

    python docs/images/report.py FOLDER

FOLDER is the folder of the run. Needs Chromium.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from serve import chromium

HERE = Path(__file__).parent


def main(folder: str) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1100, "height": 1740}, color_scheme="light")
        page.goto((Path(folder).resolve() / "report.html").as_uri())
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(255, dither=Image.Dither.NONE).save(HERE / "report.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
