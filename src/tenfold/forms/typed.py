"""What somebody typed of a field, as the table holds it."""

from tenfold.reading.fields import Field
from tenfold.reading.kinds import value_text


def typed_value(text: str, field: Field | None, read: str) -> str:
    """Return the value of a text as the table holds it.

    Args:
        text: As it is written on the paper, such as 2/11/1941, or as in the table.
        field: What may stand there; None if anything may.
        read: The value that was read. It stays if the text means the same, such as 12.5 and 12.50.
    """
    if field is None or not field.accepts(text):
        return text
    value = field.value_of(text)
    if value is None:
        return field.written(text.replace(" ", ""))
    return read if value == field.value_of(read) else value_text(value)
