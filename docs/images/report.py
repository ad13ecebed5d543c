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
        page = browser.new_page(
            viewport={"width": 600, "height": 900}, device_scale_factor=1.25, color_scheme="light"
        )
        page.goto((Path(folder).resolve() / "report.html").as_uri())
        chart = page.locator("#training .chart").first.bounding_box()
        assert chart
        seen = {"x": 0, "y": 0, "width": 600, "height": chart["y"] + chart["height"] + 24}
        data = page.screenshot(full_page=True, clip=seen)  # type: ignore[arg-type]
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture.quantize(255, dither=Image.Dither.NONE).save(HERE / "report.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
