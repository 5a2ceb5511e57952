"""CPU feature flags from /proc/cpuinfo (avx512_bf16, amx_bf16), which tell whether bfloat16 is fast on this CPU."""

from __future__ import annotations

from pathlib import Path

# Flags of CPUs that compute bfloat16 in hardware; on others it is emulated and slower than float32.
BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})


def cpu_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The CPU's feature flags as Linux names them; empty if they cannot be read."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()
