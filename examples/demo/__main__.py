"""`make demo`: raw reviews to an answered request, by the entry points that the images run.

Everything lies below .demo in the clone: SAGEMAKER_BASE_DIR, temporary files, logs.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from contract.paths import Paths
from examples.demo import model, reviews, stages

ROOT = Path(__file__).parents[2]
SMALL = "small-bert"
QUESTIONS = (
    "The handle is superb. I would buy this tent again. How lovely this tent is!",
    "The zip felt broken after a day. How dreadful this tent is! I sent this tent back.",
    'Honestly excellent, not cheap at all. Bought it in "size M" for my sister.',
)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--data", type=Path, help="labelled text; default: reviews made up here")
    parser.add_argument("--text", default="review_body", help="column of the text")
    parser.add_argument("--label", default="star_rating", help="column of the label")
    parser.add_argument("--threshold", default="4", help="labels from here on are positive")
    parser.add_argument("--model", help="folder or hub name; default: a small BERT made here")
    parser.add_argument("--rows", type=int, default=4000, help="rows to use")
    parser.add_argument("--max-length", type=int, default=128, help="longest row, in tokens")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where everything goes; emptied first")
    parser.add_argument("--epochs", type=float, help="default: 2 for the small BERT, else 1")
    given = parser.parse_args(arguments)
    if given.data and not given.model:
        parser.error("DATA= needs MODEL=: the small BERT knows the words of the reviews made up here alone")
    return given


def main() -> int:
    given = parse()
    folder = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    paths = Paths(folder / "ml")
    started = time.monotonic()
    data = given.data.resolve() if given.data else make_reviews(paths, given.rows)
    base_model = given.model or make_model(folder / SMALL, data, given.max_length)
    environment = stages.environment(ROOT, folder, paths, online=bool(given.model and not Path(given.model).exists()))
    stages.process(environment, paths, data, base_model, given)
    stages.train(environment, paths, hyperparameters(base_model, given))
    stages.serve(environment, QUESTIONS)
    print(f"\ndemo: done in {time.monotonic() - started:.0f} s; everything is in {folder}")
    return 0


def hyperparameters(base_model: str, given: argparse.Namespace) -> dict[str, str]:
    """What training is told. A model made from nothing needs another pace than a pretrained one."""
    epochs, rate = (1, "1e-4") if given.model else (2, "1e-3")
    return {
        "model_name": base_model,
        "epochs": str(given.epochs or epochs),
        "train_batch_size": "32",
        "learning_rate": rate,
        "logging_steps": "20",
    }


def make_reviews(paths: Paths, rows: int) -> Path:
    file = paths.processing_input / "reviews.tsv.gz"
    reviews.write_reviews(file, rows)
    print(f"demo: made up {rows:,} reviews, with typos, blanks, duplicates and broken lines")
    return file


def make_model(folder: Path, data: Path, max_length: int) -> str:
    model.write_model(folder, data, "review_body", max_length)
    print("demo: trained a small WordPiece vocabulary for a small BERT")
    return str(folder)


if __name__ == "__main__":
    sys.exit(main())
