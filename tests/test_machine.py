"""What the processor is good at, from what Linux says of it."""

from pathlib import Path

import pytest

from tenfold import machine


@pytest.mark.parametrize(
    ("vendor", "flags", "fast"),
    [
        ("AuthenticAMD", "avx512f avx512_bf16", True),
        ("GenuineIntel", "avx512f avx512_bf16 amx_bf16", True),
        ("GenuineIntel", "avx512f avx512_bf16 avx512_fp16", False),
        ("AuthenticAMD", "avx2", False),
    ],
)
def test_bfloat16_is_taken_where_it_is_faster(
    vendor: str, flags: str, fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = tmp_path / "cpuinfo"
    facts.write_text(f"vendor_id\t: {vendor}\nflags\t\t: {flags}\n", encoding="ascii")
    monkeypatch.setattr(machine, "_PROCESSOR_FACTS", facts)
    assert machine.has_fast_bfloat16() is fast


def test_a_system_that_tells_nothing_computes_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_PROCESSOR_FACTS", tmp_path / "none")
    assert not machine.has_fast_bfloat16()
