"""Pack the glyphs of handwriting fonts, from which networks learn other hands.

    python tools/fonts.py                    make the pack again
    python tools/fonts.py --sheets DIR       draw a sheet of each font's glyphs too, to look at

Fetches the npm packages of Fontsource named below with `npm pack`. A package that is in
src/tenfold/augmentation/hands.json keeps its version, and its integrity (npm's SHA-512) must match;
a new one gets its current version. hands.npz holds the glyphs, hands.json everything else. Needs
npm, fontTools and Brotli (`pip install fonttools brotli`).
"""

import argparse
import base64
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tenfold.arrays import DIGITS
from tenfold.augmentation.hands import (
    CREDITS,
    DIGIT_HEIGHT,
    GRAYS,
    LATIN,
    NO_DIGITS,
    PACK,
    Glyph,
)
from tenfold.errors import TenfoldError
from tenfold.files import cache_dir, make_folder, sha256, write_atomic, write_json
from tenfold.imaging.canvas import stroke_width

FAMILIES = (
    # The school hands of many countries, by one designer.
    "playwrite-ar playwrite-at playwrite-br playwrite-cz playwrite-de-grund playwrite-dk-loopet "
    "playwrite-es playwrite-fr-trad playwrite-hr playwrite-hu playwrite-in playwrite-it-moderna "
    "playwrite-nl playwrite-no playwrite-pl playwrite-ro playwrite-us-trad",
    "annie-use-your-telescope",
    "architects-daughter",
    "bad-script",
    "beth-ellen",
    "calligraffitti",
    "caveat caveat-brush",
    "cedarville-cursive",
    "chilanka",
    "coming-soon",
    "cookie",
    "covered-by-your-grace",
    "crafty-girls",
    "dancing-script",
    "dawning-of-a-new-day",
    "dekko",
    "delicious-handrawn",
    "delius",
    "edu-sa-beginner",
    "gaegu",
    "gamja-flower",
    "give-you-glory",
    "gloria-hallelujah",
    "gochi-hand",
    "hachi-maru-pop",
    "handlee",
    "hi-melody",
    "homemade-apple",
    "indie-flower",
    "itim",
    "just-another-hand",
    "kalam",
    "klee-one",
    "kristi",
    "la-belle-aurore",
    "league-script",
    "liu-jian-mao-cao long-cang over-the-rainbow zhi-mang-xing",
    "loved-by-the-king",
    "mali",
    "mansalva",
    "marck-script",
    "mynerve",
    "nanum-brush-script nanum-pen-script",
    "neucha",
    "nothing-you-could-do",
    "oooh-baby",
    "pangolin",
    "patrick-hand",
    "permanent-marker",
    "playpen-sans",
    "poor-story",
    "rancho",
    "reenie-beanie",
    "rock-salt",
    "schoolbell",
    "sedgwick-ave",
    "shadows-into-light shadows-into-light-two",
    "shantell-sans",
    "short-stack",
    "sriracha",
    "sue-ellen-francisco",
    "swanky-and-moo-moo",
    "the-girl-next-door",
    "unkempt",
    "waiting-for-the-sunrise",
    "walter-turncoat",
    "yomogi",
    "yusei-magic",
    "zen-kurenaido",
    "zeyada",
)
"""Handwriting fonts. Fonts of a family are alike. Fonts with ornate digits are left out."""

SCRIPTS = (
    "noto-sans-arabic noto-naskh-arabic",
    "vazirmatn",
    "lalezar",
    "noto-sans-devanagari mukta",
    "lateef",
    "noto-sans-bengali",
    "noto-sans-thai",
    "noto-sans-kannada",
    "noto-sans-malayalam",
    "noto-sans-tamil",
    "noto-sans-hebrew",
    "noto-sans",
    "comic-relief",
    "noto-sans-khmer",
)
"""Printed fonts, of which only the characters of other scripts than Latin are taken."""

HELD_BACK = 5
"""Each fifth family is held back: no network learns from it. Of the printed fonts, that holds back
a style of Arabic, and Tamil."""

LICENSES = ("OFL-1.1", "Apache-2.0")

MIN_STROKE = 2.4
"""Least width of strokes in the pack, in pixels: thinner ones are gray and break when warped."""

BASIC = ImageFont.Layout.BASIC

DRAWN_SIZE = 120
"""Size in pixels at which a font is first drawn, to measure its digits."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="folder for the sheets")
    arguments = parser.parse_args()
    known = json.loads(CREDITS.read_text(encoding="utf-8"))["fonts"] if CREDITS.is_file() else []
    versions = {font["name"]: font for font in known}
    credits: list[dict[str, Any]] = []
    glyphs: list[tuple[str, int, Glyph]] = []
    for families, handwritten in ((FAMILIES, True), (SCRIPTS, False)):
        for number, family in enumerate(families, start=1):
            for name in family.split():
                credit, drawn = read_font(name, versions.get(name), handwritten)
                credit |= {"family": family.split()[0], "held_back": number % HELD_BACK == 0,
                           "glyphs": len(drawn)}  # fmt: skip
                glyphs += [(character, len(credits), glyph) for character, glyph in drawn.items()]
                credits.append(credit)
                print(f"{name} {credit['version']}: {len(drawn)} glyphs", flush=True)
                if arguments.sheets:
                    sheet(drawn).save(make_folder(arguments.sheets) / f"{name}.png")
    write_atomic(PACK, packed(glyphs))
    write_json(CREDITS, {"sha256": sha256(PACK), "glyphs": len(glyphs), "fonts": credits})
    print(f"{len(credits)} fonts, {len(glyphs)} glyphs, {PACK.stat().st_size:,} bytes")


def read_font(
    name: str, known: dict[str, Any] | None, handwritten: bool
) -> tuple[dict[str, Any], dict[str, Glyph]]:
    """Return what hands.json says about a font, and its glyphs.

    Args:
        name: Name of the npm package, without `@fontsource/`.
        known: What hands.json says about the font so far, or None.
        handwritten: Whether the Latin characters are taken too.

    Raises:
        TenfoldError: The package is not the known one, its license is not among `LICENSES`, or a
            digit is missing.
    """
    package, integrity = fetch(name, known)
    with tarfile.open(package) as archive:
        files = {
            member.name.removeprefix("package/"): member for member in archive if member.isfile()
        }

        def read(file: str) -> bytes:
            opened = archive.extractfile(files[file])
            assert opened is not None
            return opened.read()

        facts = json.loads(read("metadata.json"))
        license_text = read("LICENSE").decode()
        weight = 400 if 400 in facts["weights"] else min(facts["weights"])
        subsets = sorted(facts["subsets"], key=lambda subset: (subset != "latin", subset))
        named = (f"files/{name}-{subset}-{weight}-normal.woff2" for subset in subsets)
        found = [read(file) for file in named if file in files]
        version = json.loads(read("package.json"))["version"]
    if facts["license"]["type"] not in LICENSES:
        raise TenfoldError(f"{name} is under {facts['license']['type']}, not {LICENSES}")
    first = license_text.strip().splitlines()[0].strip()
    author = first if first.startswith("Copyright") else facts["license"]["attribution"]
    credit = {"name": name, "version": version, "author": author,
              "license": facts["license"]["type"], "integrity": integrity}  # fmt: skip
    wanted = dict.fromkeys((LATIN if handwritten else "") + NO_DIGITS)
    if not handwritten:
        wanted = dict.fromkeys(c for c in wanted if not c.isascii())
    fonts = [(font, characters_of(font)) for font in found]
    size, thicker = measured(fonts, name)
    glyphs: dict[str, Glyph] = {}
    for font, has in fonts:
        face = ImageFont.truetype(io.BytesIO(font), size, layout_engine=BASIC)
        for character in wanted:
            if ord(character) in has and character not in glyphs:
                glyph = draw(face, character, thicker)
                if glyph:
                    glyphs[character] = glyph
    ordered = {character: glyphs[character] for character in wanted if character in glyphs}
    return credit, ordered


def fetch(name: str, known: dict[str, Any] | None) -> tuple[Path, str]:
    """Return the package of a font, fetched where the cache lacks it, and its checked integrity."""
    folder = make_folder(cache_dir() / "fonts")
    spec = f"@fontsource/{name}" + (f"@{known['version']}" if known else "")
    found = folder / f"fontsource-{name}-{known['version']}.tgz" if known else None
    if found is None or not found.is_file():
        packing = subprocess.run(
            ["npm", "pack", spec, "--json", "--pack-destination", folder],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if packing.returncode:
            raise TenfoldError(f"npm cannot fetch {spec}: {packing.stderr.strip()[-300:]}")
        found = folder / Path(json.loads(packing.stdout)[0]["filename"]).name
    digest = base64.b64encode(hashlib.sha512(found.read_bytes()).digest()).decode()
    integrity = f"sha512-{digest}"
    if known and integrity != known["integrity"]:
        raise TenfoldError(f"{found} has integrity {integrity}, not {known['integrity']}")
    return found, integrity


def characters_of(woff2: bytes) -> set[int]:
    """Return the characters that a font has."""
    from fontTools.ttLib import TTFont

    return set(TTFont(io.BytesIO(woff2), lazy=True).getBestCmap())


def measured(fonts: list[tuple[bytes, set[int]]], name: str) -> tuple[float, float]:
    """Return the size of a font in the pack, and the pixels to add to the edges of thin strokes.

    At that size, the median digit is `DIGIT_HEIGHT` high; its strokes become `MIN_STROKE` wide.
    """
    for font, has in fonts:
        if has >= {ord(digit) for digit in DIGITS}:
            face = ImageFont.truetype(io.BytesIO(font), DRAWN_SIZE, layout_engine=BASIC)
            inks = [glyph.ink for glyph in (draw(face, digit) for digit in DIGITS) if glyph]
            scale = DIGIT_HEIGHT / float(np.median([len(ink) for ink in inks]))
            widths = [stroke_width(ink * np.float32(1 / (GRAYS - 1))) for ink in inks]
            width = scale * float(np.median(widths))
            return scale * DRAWN_SIZE, max(0.0, (MIN_STROKE - width) / 2)
    raise TenfoldError(f"{name} lacks a digit")


def draw(face: ImageFont.FreeTypeFont, character: str, thicker: float = 0) -> Glyph | None:
    """Return the glyph of a character at the size of a face, or None if it has no ink.

    Args:
        face: The font.
        character: The character.
        thicker: Pixels added to each edge of the strokes.
    """
    margin = round(3 * face.size)
    board = Image.new("L", (2 * margin, 2 * margin))
    ImageDraw.Draw(board).text(
        (margin, margin), character, fill=255, font=face, anchor="ls", stroke_width=thicker
    )
    box = board.point(lambda value: 255 * (value >= 255 // GRAYS)).getbbox()
    if box is None:
        return None
    ink = np.rint(np.asarray(board.crop(box), np.float32) * ((GRAYS - 1) / 255))
    return Glyph(
        ink.astype(np.uint8),
        round(1 + (box[1] - margin) / DIGIT_HEIGHT, 3),
        round((box[0] - margin) / DIGIT_HEIGHT, 3),
        round(face.getlength(character) / DIGIT_HEIGHT, 3),
    )


def packed(glyphs: list[tuple[str, int, Glyph]]) -> bytes:
    """Return the file of all glyphs, given as (character, number of the font, glyph)."""
    drawn = [glyph for _, _, glyph in glyphs]
    file = io.BytesIO()
    np.savez_compressed(
        file,
        characters=np.array([ord(character) for character, _, _ in glyphs], np.uint32),
        fonts=np.array([font for _, font, _ in glyphs], np.uint16),
        sizes=np.array([glyph.ink.shape for glyph in drawn], np.uint16),
        places=np.array([(g.top, g.left, g.advance) for g in drawn], np.float32),
        pixels=np.concatenate([glyph.ink.ravel() for glyph in drawn]),
    )
    return file.getvalue()


def sheet(glyphs: dict[str, Glyph]) -> Image.Image:
    """Return the glyphs of a font in their order, each in its place on its line."""
    columns, unit = 24, DIGIT_HEIGHT
    rows = -(-len(glyphs) // columns)
    page = np.zeros((rows * 2 * unit, columns * 2 * unit), np.uint8)
    for number, glyph in enumerate(glyphs.values()):
        top = int((number // columns * 2 + 0.4 + glyph.top) * unit)
        left = int((number % columns * 2 + 0.4 + glyph.left) * unit)
        top, left = max(0, top), max(0, left)
        place = page[top : top + glyph.ink.shape[0], left : left + glyph.ink.shape[1]]
        part = glyph.ink[: place.shape[0], : place.shape[1]] * np.uint8(255 // (GRAYS - 1))
        np.maximum(place, part, out=place)
    return Image.fromarray(page)


if __name__ == "__main__":
    try:
        main()
    except TenfoldError as error:
        sys.exit(f"fonts.py: {error}")
