"""CPU flags from /proc/cpuinfo."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.cpu import cpu_flags

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model name: x\nflags\t\t: sse avx512_bf16\n", {"sse", "avx512_bf16"}),
        ("Features : fp bf16\n", {"fp", "bf16"}),
        ("", set()),
    ],
)
def test_cpu_features_are_read_as_linux_names_them(tmp_path: Path, text: str, expected: set[str]) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_flags(tmp_path / "cpuinfo") == expected


@pytest.mark.parametrize("line", ["flags\t\t: fpu avx512_bf16 amx_bf16", "Features\t: fp bf16 avx512_bf16"])
def test_flags_are_read_as_linux_writes_them(tmp_path: Path, line: str) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\n{line}\nbugs\t: none\n")
    assert "avx512_bf16" in cpu_flags(path)
    assert cpu_flags(tmp_path / "none") == NONE
