"""Fine-tunes a model with plain transformers Trainer, for benchmarks/finetuning.py.

As in the published examples (run_glue.py, run_classification.py, the text classification tutorial): texts are
tokenized with truncation, DataCollatorWithPadding pads each batch to its longest row, the model's own loss is that of
its problem_type, the model is evaluated after each epoch, and other settings are Trainer's defaults. Writes the task's
metric to --result as JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, average_precision_score
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)

PROBLEM_TYPES = {
    "single": "single_label_classification",
    "pairs": "single_label_classification",
    "multilabel": "multi_label_classification",
    "regression": "regression",
}


def score(task: str, logits: np.ndarray, labels: np.ndarray) -> float:
    """The metric of `task`: accuracy, average precision as the mean over labels, or Pearson's correlation."""
    if task == "regression":
        return float(pearsonr(logits[:, 0], labels).statistic)
    if task == "multilabel":
        return float(average_precision_score(labels, logits))
    return float(accuracy_score(labels, logits.argmax(-1)))


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser()
    for name in ("--train", "--test", "--model", "--output", "--result"):
        parser.add_argument(name, required=True)
    for name in ("--epochs", "--batch", "--max-length", "--seed"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--task", choices=PROBLEM_TYPES, default="single")
    parser.add_argument("--bf16", action="store_true")
    return parser.parse_args()


def read(file: str) -> list[dict[str, Any]]:
    """The rows of a JSON Lines file with the columns text, label and, for pairs, text_pair."""
    return [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]


def label_names(task: str, rows: list[dict[str, Any]]) -> list[Any]:
    """The labels that occur, sorted; of regression one name."""
    if task == "regression":
        return ["number"]
    values = (row["label"] for row in rows)
    return sorted({label for value in values for label in (value if task == "multilabel" else [value])})


def tokenized(rows: list[dict[str, Any]], names: list[Any], tokenizer: Any, options: argparse.Namespace) -> Dataset:
    """`rows` with input_ids and label: a number, or 1.0 or 0.0 for each of `names`."""
    if options.task == "multilabel":
        rows = [{**row, "label": [float(name in row["label"]) for name in names]} for row in rows]
    texts = [name for name in ("text", "text_pair") if name in rows[0]]
    return Dataset.from_list(rows).map(
        lambda batch: tokenizer(*(batch[name] for name in texts), truncation=True, max_length=options.max_length),
        batched=True,
        remove_columns=texts,
    )


def training_arguments(options: argparse.Namespace) -> TrainingArguments:
    """The TrainingArguments for the options of the command line."""
    return TrainingArguments(
        output_dir=options.output,
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch,
        learning_rate=options.learning_rate,
        seed=options.seed,
        bf16=options.bf16,
        eval_strategy="epoch",
        # Without checkpoints, which would only make it slower.
        save_strategy="no",
        report_to="none",
        use_cpu=True,
    )


def make_trainer(options: argparse.Namespace) -> Trainer:
    """The Trainer with its model and rows."""
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    train = read(options.train)
    names = label_names(options.task, train)
    model = AutoModelForSequenceClassification.from_pretrained(
        options.model, num_labels=len(names), problem_type=PROBLEM_TYPES[options.task]
    )
    return Trainer(
        model,
        training_arguments(options),
        train_dataset=tokenized(train, names, tokenizer, options),
        eval_dataset=tokenized(read(options.test), names, tokenizer, options),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=lambda found: {"score": score(options.task, found[0], found[1])},
    )


def main() -> None:
    """Train, evaluate and save the model."""
    options = parse()
    # The new head of the model is random; run_glue.py sets the seed at this point too.
    set_seed(options.seed)
    trainer = make_trainer(options)
    trainer.train()
    trainer.save_model(options.output)
    scores = [entry["eval_score"] for entry in trainer.state.log_history if "eval_score" in entry]
    Path(options.result).write_text(json.dumps({"score": scores[-1], "delivered": scores[-1]}))


if __name__ == "__main__":
    main()
