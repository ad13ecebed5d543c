"""The form: a scan or photo of a filled page read into one answer for each field."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

import cv2

from tenfold.arrays import Ink
from tenfold.errors import PictureError
from tenfold.forms.answers import Answer, PageAnswers
from tenfold.forms.blank import Blank, Place
from tenfold.forms.registration import Registered, register
from tenfold.forms.template import Template, load_template
from tenfold.forms.text import read_text
from tenfold.forms.ticks import read_tick
from tenfold.forms.writing import field_writing, make_page, page_writing
from tenfold.imaging.decoding import PictureSource, load_picture, picture_name
from tenfold.imaging.picture import Picture
from tenfold.reading.reader import Reader, rows_of

CUT_OFF = 0.5
"""Confidence of a field that the picture cuts off is at most this, times the share that is shown.
Of 12 such fields on made pages (tests/form_scenes.py), 6 were wrong."""

CROP_QUALITY = 80
"""JPEG quality of the crops: about 3 kB each."""


class Form:
    """Reads the fields of a form; one form may serve many threads, and can be pickled.

    Args:
        template: The template, or the path of its JSON.
        reader: Reads the digits; None takes the shipped models.

    Raises:
        UsageError: The template is wrong.
    """

    def __init__(self, template: Template | str | Path, *, reader: Reader | None = None) -> None:
        self.template = template if isinstance(template, Template) else load_template(template)
        self.reader = reader or Reader()

    def __repr__(self) -> str:
        return f"<Form: {len(self.template.fields)} fields on {self.template.page.name}>"

    @cached_property
    def blank(self) -> Blank:
        """The blank page, taken apart; made when first needed.

        Raises:
            UsageError: The template's page is missing, or blank.
        """
        return Blank(self.template, self.reader.settings)

    def read(self, source: PictureSource) -> PageAnswers:
        """Read the fields of a filled page.

        Args:
            source: A scan or photo, as `tenfold.Reader.read` takes it: rotated, scaled, in
                perspective, with up to two corners cut off, or upside down.

        Raises:
            PictureError: The picture cannot be read, or does not show this form.
            UsageError: The template's page is missing, or blank.
        """
        picture, name = load_picture(source), picture_name(source)
        try:
            return self.read_picture(picture, name)
        except PictureError as error:
            raise PictureError(f"{name}: {error}") from error

    def read_picture(self, picture: Picture, source: str, page: int = 0) -> PageAnswers:
        """Read the fields of a filled page that is decoded already.

        Args:
            picture: The picture.
            source: What the answers call it.
            page: Its page in a file of several pages, from 0.

        Raises:
            PictureError: The picture does not show this form.
            UsageError: The template's page is missing, or blank.
        """
        registered = register(picture.gray, self.blank.reference)
        ink = page_writing(registered, self.blank)
        texts = iter(self._texts(registered, ink))
        answers = [
            read_tick(ink, place) if place.field.kind == "tick" else next(texts)
            for place in self.blank.places
        ]
        found = zip(answers, self.blank.places, strict=True)
        return PageAnswers(source, page, None, tuple(_shown(*one, registered) for one in found))

    def _texts(self, page: Registered, ink: Ink | None) -> list[Answer]:
        """Return the answers of all fields that are no ticks, in their order."""
        places = [place for place in self.blank.places if place.field.kind != "tick"]
        settings = self.reader.settings
        if ink is None:
            return [read_text([], place, None, None, settings) for place in places]
        parts = [
            make_page(field_writing(ink, place), page.gray[place.part], place, settings)
            for place in places
        ]
        # What is struck out makes a field doubtful, but is no part of its value.
        written = {n: replace(part, struck=()) for n, part in enumerate(parts) if part.marks}
        rows = dict(zip(written, rows_of(self.reader, list(written.values())), strict=True))
        return [
            read_text(rows.get(n, []), place, part, ink, settings)
            for n, (part, place) in enumerate(zip(parts, places, strict=True))
        ]


def _shown(answer: Answer, place: Place, page: Registered) -> Answer:
    """Return an answer with its crop, and with a reason to review it if the field is cut off."""
    x, y, width, height = place.box
    shown = page.inside[place.part][y : y + height, x : x + width].mean()
    if shown < 1:
        review = f"the picture shows only {shown:.0%} of the field"
        confidence = min(answer.confidence, CUT_OFF * float(shown))
        answer = replace(answer, review=review, confidence=confidence)
    quality = [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY]
    _, data = cv2.imencode(".jpg", page.gray[place.part], quality)
    return replace(answer, crop=data.tobytes())
