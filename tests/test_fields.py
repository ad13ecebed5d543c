"""Fields: what each condition allows, what values mean, and which wrong values are told how."""

import dataclasses
import datetime
import json
import pickle
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import tenfold
from tenfold.arrays import DIGITS
from tenfold.errors import UsageError
from tenfold.reading.checks import CHECKS, stdnum_check
from tenfold.reading.ctc import CHARACTERS
from tenfold.reading.field_decoding import decode, likeliest
from tenfold.reading.fields import Field
from tenfold.reading.lattice import Lattice, Segment
from tenfold.reading.marks import ScoredDigit
from tenfold.reading.results import Digit
from tenfold.reading.selection import lattice_of_digits
from tenfold.reading.settings import ReaderSettings

SETTINGS = ReaderSettings()


def seen(text: str, sure: float = 0.999) -> Lattice:
    """Return a lattice that says a text, each character with the same probability."""
    segments = []
    for place, character in enumerate(text.replace(" ", "")):
        step = np.full((1, len(CHARACTERS) + 1), (1 - sure) / len(CHARACTERS), np.float32)
        step[0, 1 + CHARACTERS.index(character)] = sure
        segments.append(Segment((step,), (1.0,), place))
    return Lattice(tuple(segments))


ALLOWED: list[tuple[dict[str, Any], str, str]] = [
    ({"pattern": r"[0-9]{2}-\d+"}, "12-3 12-345", "1-23 12- 123"),
    ({"pattern": r"^\d{3}$"}, "123", "12 1234"),
    ({"pattern": r"\d{2} \d{2}"}, "1234", "123"),
    ({"pattern": r".{3}"}, "1-3 123", "12 1234"),
    ({"length": 4}, "1234", "123 12345 12-34"),
    ({"length": 4, "pattern": "[0-9-]+"}, "12-34 1234", "1-23"),
    ({"choices": ("12", "34 5", "1-2")}, "12 345 1-2", "34 1 5"),
    ({"check": "luhn", "length": 8}, "12345674", "12345670"),
    ({"kind": "integer"}, "0 12 -7 007", "1.5 - 1-2"),
    ({"kind": "decimal"}, "1 1.5 1,50 1.234,50 1,234.50 1.234.567 12,- -0.5", ".5 1. 1.2.3 1.2,3"),
    ({"kind": "integer", "minimum": 10, "maximum": 120}, "10 99 100 120 012", "9 121 -50 1000"),
    ({"minimum": -5, "maximum": 5}, "-5 -1 0 5", "-6 6 -10 50"),
    ({"minimum": "1" + "0" * 30 + "1"}, "1" + "0" * 30 + "1", "1" + "0" * 31),
    ({"maximum": -3}, "-3 -100", "-2 3 0"),
    (
        {"kind": "decimal", "minimum": 0.5, "maximum": 99.95},
        "0.5 0,50 99.95 99,9 50",
        "0.49 99.96 99.951 100 0 -1",
    ),
    ({"kind": "decimal", "minimum": 1000}, "1000 1.000,00 1,234.5 1.234.567", "999.99 1.234"),
    (
        {"kind": "date"},
        "28.11.2026 28/11/26 1-2-99 2026-11-28 29.2.2024 2026-1-5 29.2.00",
        "29.2.2023 31.4.26 28.11-26 2026-13-01 11/28/2026 0.1.26 28.11.2126 28.11.202",
    ),
    ({"kind": "us-date"}, "11/28/2026 2/29/24 2026-11-28", "28/11/2026 2/30/24"),
    (
        {"kind": "date", "minimum": "2020-03-04", "maximum": "2026-11-28"},
        "4.3.2020 28.11.26 1.1.2021 2020-03-04 31.12.25",
        "3.3.2020 29.11.26 2027-01-01 1.1.99",
    ),
    ({"kind": "time"}, "8:05 23.59 08:05:30", "24:00 8:60 805"),
    ({"kind": "time", "minimum": "08:00", "maximum": "17:30"}, "8:00 08:00 17.30", "7:59 17:31"),
    ({"kind": "time", "minimum": "00:00"}, "0:00 08.30:15 23:59:59", "24:00 8:60:00"),
    (
        {"kind": "time", "minimum": "08:30:15", "maximum": "17:30:05"},
        "8:30:15 08:31 9.00:00 17:30 17.30:05",
        "8:30 08:30:14 8:29:59 17:30:06 17:31",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("conditions", "right", "wrong"), ALLOWED, ids=str)
def test_conditions_allow_what_they_say(conditions: dict[str, Any], right: str, wrong: str) -> None:
    field = Field(**conditions)
    assert [text for text in right.split() if not field.accepts(text)] == []
    assert [text for text in wrong.split() if field.accepts(text)] == []
    assert not field.accepts("")
    assert not field.accepts(f"{right.split(maxsplit=1)[0]}a")
    assert field.accepts(f" {right.split(maxsplit=1)[0]} ")
    assert Field.from_dict(json.loads(json.dumps(field.to_dict()))) == field
    assert pickle.loads(pickle.dumps(field)) == field


@pytest.mark.parametrize(
    ("name", "module"),
    [("luhn", "luhn"), ("ean", ""), ("damm", "damm"), ("mod_11_2", "iso7064.mod_11_2"),
     ("mod_97_10", "iso7064.mod_97_10"), ("mod_11_10", "iso7064.mod_11_10"), ("mod11", "")],
)  # fmt: skip
def test_checks_are_those_of_their_standards(name: str, module: str) -> None:
    """Against python-stdnum, or sums written out, on 500 numbers of 1 to 20 digits."""
    field = Field(check=name)
    rng = np.random.default_rng(3)
    valid = 0
    for _ in range(500):
        text = "".join(rng.choice(list(DIGITS), int(rng.integers(1, 21))))
        digits = [int(one) for one in reversed(text)]
        if module:
            wanted = stdnum_check(module)(text)
        elif name == "ean":
            wanted = sum(d * (3 if place % 2 else 1) for place, d in enumerate(digits)) % 10 == 0
        else:
            wanted = sum(d * (place + 1) for place, d in enumerate(digits)) % 11 == 0
        assert field.accepts(text) == wanted, text
        valid += wanted
    assert valid > 0
    assert set(CHECKS) >= {name}


def test_check_digits_of_known_numbers() -> None:
    assert Field(check="ean").accepts("4006381333931")  # EAN-13
    assert Field(check="mod11").accepts("0306406152")  # ISBN-10
    assert Field(check="isbn").accepts("9780306406157")
    assert not Field(check="nl.bsn").accepts("111222334")
    assert Field(check="nl.bsn").accepts("111222333")


@pytest.mark.parametrize(
    ("conditions", "written", "text", "value"),
    [
        ({"kind": "integer"}, "0042", "0042", 42),
        ({"kind": "decimal"}, "1.234,50", "1.234,50", Decimal("1234.50")),
        ({"kind": "decimal"}, "12,-", "12,-", Decimal(12)),
        ({"kind": "decimal"}, "1,234", "1,234", Decimal("1.234")),
        ({"kind": "date"}, "28/11/26", "28/11/26", datetime.date(2026, 11, 28)),
        ({"kind": "date"}, "2026-11-28", "2026-11-28", datetime.date(2026, 11, 28)),
        ({"kind": "us-date"}, "11/28/99", "11/28/99", datetime.date(1999, 11, 28)),
        ({"kind": "time"}, "8.05", "8.05", datetime.time(8, 5)),
        ({"pattern": r"\d{4} \d{4}"}, "12345678", "1234 5678", None),
        ({"choices": ("12 34", "56")}, "12 34", "12 34", None),
        ({}, "12-34", "1234", None),
        ({"choices": ("1234", "5678")}, "12-34", "1234", None),
    ],
    ids=str,
)
def test_texts_and_values(
    conditions: dict[str, Any], written: str, text: str, value: object
) -> None:
    found = decode(seen(written), Field(**conditions))
    assert (found.text, found.value) == (text, value)
    assert found.accepted
    assert found.reason is None
    assert json.loads(json.dumps(found.to_dict()))["text"] == text


def test_the_likeliest_row_that_satisfies_the_field() -> None:
    # 123455 satisfies Luhn's check, and its third digit is read as an 8.
    steps = [np.full((1, 23), 1e-4, np.float32) for _ in range(6)]
    for step, digit in zip(steps, "123455", strict=True):
        step[0, 1 + int(digit)] = 0.95
    steps[2][0, [1 + 3, 1 + 8]] = 0.3, 0.65
    steps[4][0, [1 + 5, 1 + 1]] = 0.9, 0.05
    lattice = Lattice(tuple(Segment((step,), (1.0,)) for step in steps))
    plain = decode(lattice, Field(length=6))
    found = decode(lattice, Field(length=6, check="luhn"))
    assert plain.text == "128455"
    assert (found.text, found.unconstrained) == ("123455", "128455")
    # All rows that satisfy the check, one by one.
    table = np.array([step[0, 1:11] for step in steps], np.float64)
    rows = np.array(np.meshgrid(*[range(10)] * 6, indexing="ij"), np.int8).reshape(6, -1)
    doubled = np.where(rows[::2] > 4, 2 * rows[::2] - 9, 2 * rows[::2]).sum(0)
    valid = rows[:, (doubled + rows[1::2].sum(0)) % 10 == 0]
    shares = np.prod([table[place, valid[place]] for place in range(6)], axis=0)
    assert found.confidence == pytest.approx(shares.max() / shares.sum(), rel=1e-2)
    assert found.fit == pytest.approx(shares.sum(), rel=1e-2)


def test_texts_that_mean_the_same_are_one_value() -> None:
    point, comma = (1 + CHARACTERS.index(sign) for sign in ".,")
    steps = np.full((3, 1, 1 + len(CHARACTERS)), 1e-5, np.float32)
    steps[0, 0, 1 + 7], steps[2, 0, 1 + 2] = 0.55, 1
    steps[0, 0, 1 + 1] = 0.45
    steps[1, 0, [point, comma]] = 0.5, 0.5
    lattice = Lattice(tuple(Segment((step,), (1.0,)) for step in steps))
    found = decode(lattice, Field(kind="decimal"), count=2)
    assert found.confidence == pytest.approx(0.55, abs=0.01)
    assert found.value == Decimal("7.2")
    assert [text.replace(",", ".") for text, _ in found.alternatives] == ["7.2", "1.2"]


def test_a_check_of_stdnum_gives_the_same_as_the_automaton() -> None:
    rng = np.random.default_rng(5)
    for _ in range(5):
        cells = rng.dirichlet(np.full(10, 0.15), 9).astype(np.float32)
        lattice = Lattice.of_digits(list(cells))
        exact = decode(lattice, Field(length=9, check="damm"))
        tried = decode(lattice, Field(length=9, check="damm"))
        assert tried.text == exact.text
    found = decode(seen("111222333"), Field(length=9, check="nl.bsn"))
    assert found.text == "111222333"
    assert 0.9 < found.confidence <= 1


def test_a_mark_like_no_digit_keeps_its_likeliest_digits() -> None:
    eye = np.eye(10, dtype=np.float32)
    blank = np.zeros((28, 28), np.uint8)
    bad = 0.1 * eye[5] + 0.09 * (1 - eye[5])
    digits = [
        Digit(digit, 1.0, (20 * place, 0, 10, 20), False, blank, probabilities)
        for place, (digit, probabilities) in enumerate([(3, eye[3]), (5, bad), (1, eye[1])])
    ]
    lattice = lattice_of_digits(
        [ScoredDigit(digit, score) for digit, score in zip(digits, [1, 0.1, 1], strict=True)],
        SETTINGS,
    )
    assert likeliest(lattice, 1, numbers=False)[0][0] == "31"
    found = decode(lattice, Field(length=3), SETTINGS)
    assert (found.text, found.accepted) == ("351", False)
    assert found.reason == "it reads '31', which the field excludes"


def test_what_fits_badly_is_rejected_with_what_it_reads() -> None:
    found = decode(seen("4711"), Field(choices=("9999", "8888")))
    assert not found.accepted
    assert found.unconstrained == "4711"
    assert found.reason == "it reads '4711', which the field excludes"
    assert found.fit < SETTINGS.field_fit_likelihood
    unsure = decode(seen("12", sure=0.4), Field(length=2))
    assert not unsure.accepted
    assert unsure.reason is not None
    assert "leaves '12' with" in unsure.reason
    none = decode(Lattice(()), Field(length=2))
    assert (none.text, none.value, none.accepted, none.confidence) == ("", None, False, 0)


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (
            {"pattern": "[0-9"},
            "'[0-9' cannot be used: a bracket is open, or its syntax is wrong",
        ),
        ({"pattern": r"(\d)\1"}, "the pattern '(\\\\d)\\\\1' cannot be used: Group references"),
        ({"pattern": "(?=1)1"}, "a look-around is not supported"),
        ({"pattern": "(?#7)7"}, "a comment is not supported"),
        ({"pattern": "(?P>a)7"}, "a bracket is open, or its syntax is wrong"),
        ({"pattern": "(?m)7"}, "the flag m is not supported"),
        ({"pattern": "7{3,1}"}, "a bracket is open, or its syntax is wrong"),
        ({"pattern": "(" * 240 + "7" + ")" * 240}, "its brackets are nested too deep"),
        ({"pattern": "[0-9]{3000}"}, "it is too long with its repetitions written out"),
        ({"pattern": "((){99999}){99999}7"}, "it is too long with its repetitions written out"),
        ({"pattern": "[0-9]*7[0-9]{20}"}, "{20}' cannot be used: its automaton is too large"),
        ({"pattern": r"(\d{1,30}){1,30}"}, "its automaton is too large; give smaller numbers in"),
        ({"pattern": "[0-9]*7[0-9]{8}", "length": 100}, "an automaton of more than 200,000 arcs"),
        ({"pattern": 5}, "pattern is 5: give a regular expression"),
        ({"pattern": "1" * 501}, "the pattern has 501 characters: give 500 at most"),
        (
            {"pattern": "[a-z]+"},
            "digits, spaces and the signs . , - / : ( ) + $ = x satisfies the field",
        ),
        (
            {"pattern": r"\d{3}", "length": 4},
            "its conditions may contradict each other",
        ),
        ({"length": 0}, "length is 0: give a whole number of digits from 1 to 100"),
        ({"length": "8"}, "length is '8': give a whole number"),
        ({"length": True}, "length is True: give a whole number"),
        ({"choices": ()}, "choices is empty: give at least one text"),
        ({"choices": ("12", "AB")}, "choices has 'AB': give texts of digits, spaces and the signs"),
        ({"choices": (12,)}, "choices has 12: give texts, such as '12'"),
        ({"choices": "12"}, "choices is of type str: give a list of texts"),
        ({"choices": ("1", "1" * 30_000)}, "choices has a text of 30,000 characters: give 100"),
        ({"check": "lunh"}, "there is no check 'lunh': give luhn, ean, damm, mod11"),
        ({"check": "../luhn"}, "there is no check '../luhn'"),
        ({"check": 3}, "check is 3: give a name such as luhn"),
        ({"kind": "number"}, "kind is 'number': give integer, decimal, date, us-date, time"),
        ({"minimum": 5, "maximum": 4}, "minimum 5 is greater than maximum 4"),
        ({"minimum": "x"}, "the limit 'x' is no decimal: give one such as 12.5"),
        ({"kind": "date", "minimum": "1.2.26"}, "is no date: give one such as 2026-01-31"),
        ({"kind": "time", "maximum": "25:00"}, "is no time: give one such as 08:30"),
        ({"kind": "time", "minimum": "08:30+02:00"}, "the limit '08:30+02:00' is no time"),
        ({"minimum": "1e9999999999"}, "the limit 1e9999999999 has more than 100 digits on a side"),
        ({"maximum": "-1e100"}, "the limit -1e100 has more than 100 digits on a side of its"),
        ({"maximum": "0." + "1" * 200}, "the limit 0.111111111111111111 has more than 100 digits"),
        ({"minimum": float("nan")}, "the limit nan is no decimal"),
        ({"kind": "integer", "minimum": "a"}, "is no integer: give one such as 12"),
        ({"maximum": "2020-01-01"}, "give one such as 12.5, or the kind date or time"),
    ],
    ids=str,
)
def test_wrong_values_are_told(conditions: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as told:
        Field(**conditions)
    assert message in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", [one.name for one in dataclasses.fields(Field)])
def test_integers_that_python_cannot_show_are_refused(name: str, sign: int) -> None:
    huge: Any = sign * 10**5000
    for value in (huge, [huge]) if name == "choices" else (huge,):
        conditions: dict[str, Any] = {name: value}
        with pytest.raises(UsageError, match=f"^{name} "):
            Field(**conditions)


@pytest.mark.parametrize(
    "pattern",
    ["1|2|", "(1|23)*4?", "(?:1{2}|[^1-8x]{1,2})+", "1{,2}2{1,}3{0}", r"(\d{1,2}[.]?){2,3}", "x+|1",
     "(?i:X1)|X2|[^X]3", "(1*|2)*3+?", r"\D*\d|\W1", "[^0-9]?.[.1-3]", "(?P<a>1(2|3(?-i:4))?)*"],
)  # fmt: skip
def test_patterns_match_as_in_python(pattern: str) -> None:
    rng = np.random.default_rng(4)
    field = Field(pattern=pattern)
    for length in rng.integers(1, 8, 400):
        text = "".join(rng.choice(list("1234x.-"), length))
        wanted = re.fullmatch(pattern, text) and any(one in DIGITS for one in text)
        assert field.accepts(text) == bool(wanted), text


def test_of_a_pattern_only_states_that_the_field_reaches_are_made() -> None:
    pattern = "[0-9]*7[0-9]{40}"  # about 2^41 states
    field = Field(pattern=pattern, choices=("7" * 41, "1" * 41, "17" + "2" * 40))
    assert [field.accepts(one) for one in field.choices or ()] == [True, False, True]


def test_equal_limits_of_other_kinds_are_other_fields() -> None:
    """0 and 0.0 are equal, and so are the fields."""
    assert not Field(minimum=0, length=3).accepts("1.25")
    assert Field(minimum=0.0, length=3).accepts("1.25")


def test_fields_from_json_have_known_names() -> None:
    with pytest.raises(UsageError, match=r"a field has no 'size': give pattern, length,"):
        Field.from_dict({"size": 8})
    with pytest.raises(UsageError, match=r"a field is \[8\]: give an object"):
        Field.from_dict([8])  # type: ignore[arg-type]
    field = Field.from_dict({"choices": ["12", "34"], "check": "luhn"})
    assert field.choices == ("12", "34")
    assert tenfold.Field is Field


@pytest.mark.parametrize(
    ("conditions", "fewest"),
    [
        ({"length": 8, "check": "luhn"}, 8),
        ({"choices": ["12345", "1-2"]}, 2),
        ({"pattern": "[0-9]{2,4}[.,][0-9]{2}"}, 4),
        ({"kind": "integer", "minimum": 1000, "maximum": 20_000}, 4),
        ({}, 1),
    ],
    ids=str,
)
def test_the_fewest_digits_of_a_field(conditions: dict[str, Any], fewest: int) -> None:
    assert Field(**conditions).automaton.fewest_digits == fewest
