"""The processing image's self-test: a small job, its token ids compared with the tokenizers library's."""

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
    """Splits of made-up rows, by the image's own entry point.

    Raises:
        UserError: the job failed, or a row or a token is not as it should be.
    """
    with tempfile.TemporaryDirectory(prefix="selftest-") as folder:
        paths = Paths(Path(folder))
        texts = write_rows(paths.processing_input / "rows.jsonl", ROWS)
        tokenizer = train_tokenizer(texts)
        tokenizer.save(str(paths.base / TOKENIZER_FILE))
        run("processing", arguments(paths), environment(paths.base))
        compare(paths, sorted(tokenizer.encode(text).ids for text in texts))
        told = read_json(paths.processing_report / REPORT_FILE, "report")["tokenizing"]
        return f"{ROWS} rows to {len(SPLITS)} splits, {told['tokie_rows']} of them tokenized by tokie"


def arguments(paths: Paths) -> Sequence[str]:
    return ("--tokenizer", str(paths.base), "--text-column", "text", "--label-column", "label", "--columns", "text")


def compare(paths: Paths, expected: list[list[int]]) -> None:
    from datasets import load_from_disk

    found = []
    for name in SPLITS:
        found += load_from_disk(str(paths.base / "processing" / name))["input_ids"]
    expect(len(found) == ROWS, f"{len(found)} rows were written, expected {ROWS}")
    expect(sorted(found) == expected, "tokens were written that are not the tokenizer's own")
