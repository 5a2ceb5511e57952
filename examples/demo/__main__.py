"""`make demo`: generates rows, processes them, trains a small model, serves it and sends it a request.

It runs the entry points of the images. All files are below .demo in the clone: SAGEMAKER_BASE_DIR,
temporary files, logs. TASK= takes rows of another kind than reviews with stars (examples/demo/tasks.py).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from contract import small_bert
from contract.paths import Paths
from examples.demo import model, reviews, stages
from examples.demo.tasks import TASKS, Task

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
    parser.add_argument("--task", choices=TASKS, help="kind of rows to generate; default: reviews with stars")
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
    if options.data and options.task:
        parser.error("DATA= and TASK= are both set, expected one of them")
    return options


def main() -> int:
    """Run the demo; returns the exit status."""
    options = parse()
    folder = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    paths = Paths(folder / "ml")
    started = time.monotonic()
    task = TASKS.get(options.task)
    data = options.data.resolve() if options.data else make_rows(paths, options.rows, task)
    base_model = options.model or make_model(folder / SMALL, data, options.max_length, task)
    online = bool(options.model and not Path(options.model).exists())
    environment = stages.environment(ROOT, folder, paths, online)
    stages.process(environment, paths, ["--input", str(data), "--tokenizer", base_model, *arguments(options, task)])
    stages.train(environment, paths, hyperparameters(base_model, options, task), task.metric if task else "accuracy")
    stages.serve(environment, [question for question, _ in task.questions] if task else QUESTIONS)
    print(f"\ndemo: finished in {time.monotonic() - started:.0f} s; all files are in {folder}")
    return 0


def arguments(options: argparse.Namespace, task: Task | None) -> list[str]:
    """Command line flags of processing, beside input and tokenizer."""
    columns = ["--text-column", options.text, "--label-column", options.label, "--label-threshold", options.threshold]
    rules = task.arguments if task else (*columns, "--label-names", "NEGATIVE,POSITIVE")
    return [*rules, "--max-length", str(options.max_length), "--max-rows", str(options.rows)]


def hyperparameters(base_model: str, options: argparse.Namespace, task: Task | None = None) -> dict[str, str]:
    """The hyperparameters of the training; an untrained model needs a higher learning rate than a pretrained one."""
    epochs, rate = (1, "1e-4") if options.model else (task.epochs if task else 2, "1e-3")
    return {
        "model_name": base_model,
        "epochs": str(options.epochs or epochs),
        "train_batch_size": "32",
        "learning_rate": rate,
        "logging_steps": "20",
        **(task.hyperparameters if task else {}),
    }


def make_rows(paths: Paths, rows: int, task: Task | None) -> Path:
    """Write generated rows of `task`, or reviews, to the input folder of processing; returns the file."""
    if task:
        print(f"demo: generated {rows:,} rows")
        return task.write(paths.processing_input, rows)
    file = paths.processing_input / "reviews.tsv.gz"
    reviews.write_reviews(file, rows)
    print(f"demo: generated {rows:,} reviews, with typos, blanks, duplicates and broken lines")
    return file


def make_model(folder: Path, data: Path, max_length: int, task: Task | None) -> str:
    """Write the small BERT to `folder`; returns its path."""
    if task:
        small_bert.write_model(folder, task.read_texts(data), max_length, token_types=len(task.texts) > 1)
    else:
        model.write_model(folder, data, "review_body", max_length)
    print("demo: trained a small WordPiece vocabulary for a small BERT")
    return str(folder)


if __name__ == "__main__":
    sys.exit(main())
