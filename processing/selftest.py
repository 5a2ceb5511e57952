"""The processing image's self-test: runs a small job and compares its token ids with the tokenizers library's."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from contract import checks
from contract.files import read_json
from contract.paths import Paths
from contract.selftest import Check, environment, expect, main, run, write_rows
from contract.small_bert import train_tokenizer
from contract.tokenizer import TOKENIZER_FILE
from processing.report.json_report import REPORT_FILE
from processing.rows.split import SPLITS

ROWS = 200


def start(environ: Mapping[str, str]) -> int:
    """Run the self-test; returns the exit status."""
    return main("processing", [*checks.host(environ), Check("processing", job)])


def job() -> str:
    """Process generated rows by the image's entry point, and compare the splits with the expected token ids.

    Raises:
        UserError: the job failed, or rows or token ids differ.
    """
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        paths = Paths(Path(folder))
        texts = write_rows(paths.processing_input / "rows.jsonl", ROWS)
        tokenizer = train_tokenizer(texts)
        tokenizer.save(str(paths.base / TOKENIZER_FILE))
        run("processing", arguments(paths), environment(paths.base))
        compare(paths, sorted(tokenizer.encode(text).ids for text in texts))
        tokenizing = read_json(paths.processing_report / REPORT_FILE, "report")["tokenizing"]
        fast = f"{tokenizing['fast_rows']} of them tokenized by {tokenizing['fast_library']}"
        return f"{ROWS} rows to {len(SPLITS)} splits, {fast}"


def arguments(paths: Paths) -> Sequence[str]:
    """Command line flags of the small job."""
    return ("--tokenizer", str(paths.base), "--text-column", "text", "--label-column", "label", "--columns", "text")


def compare(paths: Paths, expected: list[list[int]]) -> None:
    """Compare the token ids in the splits with `expected`, which is sorted; raises UserError if they differ."""
    # By Arrow rather than datasets, which bases without training may lack.
    import pyarrow

    written: list[list[int]] = []
    for name in SPLITS:
        for file in sorted((paths.base / "processing" / name).glob("*.arrow")):
            with pyarrow.ipc.open_stream(file.read_bytes()) as reader:
                written += [row for row in reader.read_all()["input_ids"].to_pylist() if row]
    expect(len(written) == ROWS, f"{len(written)} rows were written, expected {ROWS}")
    expect(sorted(written) == expected, "the token ids differ from those of the tokenizers library")
