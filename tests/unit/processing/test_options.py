"""Names of the options of processing."""

from __future__ import annotations

from contract.options import from_flags
from processing.options import ProcessingOptions


def test_takes_the_names_of_the_tutorial_script() -> None:
    flags = ["--model-name", "m", "--val_ratio", "0.2", "--star-threshold=4", "--file-name", "a.tsv"]
    options = from_flags(ProcessingOptions, flags)
    assert (options.tokenizer, options.validation_ratio, options.label_threshold) == ("m", 0.2, 4.0)
    assert options.file_name == "a.tsv"


def test_dashes_and_underscores_are_the_same() -> None:
    assert from_flags(ProcessingOptions, ["--keep_columns", "a,b"]).columns == ("a", "b")
    assert from_flags(ProcessingOptions, ["--columns", "a", "b"]).columns == ("a", "b")
