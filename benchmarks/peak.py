"""How much of a GPU's arithmetic a training uses.

Source of the count: A. Chowdhery et al., "PaLM", JMLR 24 (2023), appendix B: a training step costs
6 N + 12 L H S floating point operations a token (N parameters that multiply, L layers, H width,
S tokens that attend to each other). Peaks: NVIDIA's data sheets, dense bf16.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contract.files import read_json

# By a part of the device's name, in operations a second.
BF16_PEAKS = {
    "H200": 989e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "A10G": 70e12,
    "L4": 121e12,
}


def peak(device: str) -> float | None:
    """bf16 operations a second of the GPU named `device`; None where the table has none."""
    return next((value for part, value in BF16_PEAKS.items() if part in device), None)


def per_token(config: dict[str, Any], length: float) -> float:
    """Operations of a training step for one token in a row of `length` tokens, of a BERT's config.json."""
    width, layers = config["hidden_size"], config["num_hidden_layers"]
    parameters = layers * (4 * width * width + 2 * width * config["intermediate_size"])
    return 6.0 * parameters + 12.0 * layers * width * length


def share(model: str, tokens_per_second: float, length: float, device: str) -> float | None:
    """Share of the peak, padding not counted as work; None where the GPU's peak is not known."""
    most = peak(device)
    if most is None:
        return None
    return tokens_per_second * per_token(read_json(Path(model) / "config.json", "configuration"), length) / most
