"""`make demo`: generates reviews, processes them, trains a small model, serves it and sends it a request.

It runs the entry points of the images. All files are below .demo in the clone: SAGEMAKER_BASE_DIR,
temporary files, logs.
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
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--data", type=Path, help="file or folder of labelled text; default: generated reviews")
    parser.add_argument("--text", default="review_body", help="column with the text")
    parser.add_argument("--label", default="star_rating", help="column with the label")
    parser.add_argument("--threshold", default="4", help="least label that is positive")
    parser.add_argument("--model", help="folder of the base model, or its name on the hub; default: a small BERT")
    parser.add_argument("--rows", type=int, default=4000, help="number of rows to use")
    parser.add_argument("--max-length", type=int, default=128, help="longest row, in tokens")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="folder for all files; emptied first")
    parser.add_argument("--epochs", type=float, help="number of epochs; default: 2 for the small BERT, else 1")
    options = parser.parse_args(arguments)
    if options.data and not options.model:
        parser.error("DATA= needs MODEL=: the vocabulary of the small BERT is that of the generated reviews")
    return options


def main() -> int:
    """Run the demo; returns the exit status."""
    options = parse()
    folder = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    paths = Paths(folder / "ml")
    started = time.monotonic()
    data = options.data.resolve() if options.data else make_reviews(paths, options.rows)
    base_model = options.model or make_model(folder / SMALL, data, options.max_length)
    online = bool(options.model and not Path(options.model).exists())
    environment = stages.environment(ROOT, folder, paths, online)
    stages.process(environment, paths, data, base_model, options)
    stages.train(environment, paths, hyperparameters(base_model, options))
    stages.serve(environment, QUESTIONS)
    print(f"\ndemo: finished in {time.monotonic() - started:.0f} s; all files are in {folder}")
    return 0


def hyperparameters(base_model: str, options: argparse.Namespace) -> dict[str, str]:
    """The hyperparameters of the training; an untrained model needs a higher learning rate than a pretrained one."""
    epochs, rate = (1, "1e-4") if options.model else (2, "1e-3")
    return {
        "model_name": base_model,
        "epochs": str(options.epochs or epochs),
        "train_batch_size": "32",
        "learning_rate": rate,
        "logging_steps": "20",
    }


def make_reviews(paths: Paths, rows: int) -> Path:
    """Write generated reviews to the input folder of processing; returns the file."""
    file = paths.processing_input / "reviews.tsv.gz"
    reviews.write_reviews(file, rows)
    print(f"demo: generated {rows:,} reviews, with typos, blanks, duplicates and broken lines")
    return file


def make_model(folder: Path, data: Path, max_length: int) -> str:
    """Write the small BERT to `folder`; returns its path."""
    model.write_model(folder, data, "review_body", max_length)
    print("demo: trained a small WordPiece vocabulary for a small BERT")
    return str(folder)


if __name__ == "__main__":
    sys.exit(main())
