"""CPU feature flags from /proc/cpuinfo (avx512_bf16, avx512_vnni): what it computes in hardware."""

from __future__ import annotations

from pathlib import Path

# Flags of CPUs that compute bfloat16 in hardware; on others it is emulated and slower than float32.
BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
# Flags of CPUs with instructions for int8 products (VNNI, on Arm the dot product). Others add in 16 bits, which
# saturates: results are less exact than where training measured them.
INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})


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
