"""Fine-tunes a model with plain transformers Trainer, for benchmarks/finetuning.py.

As in the published examples (run_glue.py, the text classification tutorial): texts are tokenized with
truncation, DataCollatorWithPadding pads each batch to its longest row, the model is evaluated after each
epoch, and other settings are Trainer's defaults. Writes the accuracies to --result as JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)


def accuracy(prediction: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    return {"accuracy": float((prediction[0].argmax(-1) == prediction[1]).mean())}


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser()
    for name in ("--train", "--test", "--model", "--output", "--result"):
        parser.add_argument(name, required=True)
    for name in ("--epochs", "--batch", "--max-length", "--seed"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--bf16", action="store_true")
    return parser.parse_args()


def tokenized(file: str, tokenizer: Any, max_length: int) -> Dataset:
    """The tokenized rows of a JSON Lines file with the columns text and label."""
    rows = Dataset.from_list([json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()])
    return rows.map(
        lambda batch: tokenizer(batch["text"], truncation=True, max_length=max_length, padding=False),
        batched=True,
        remove_columns=["text"],
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


def main() -> None:
    """Train, evaluate and save the model."""
    options = parse()
    # The new head of the model is random; run_glue.py sets the seed at this point too.
    set_seed(options.seed)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    trainer = Trainer(
        AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=2),
        training_arguments(options),
        train_dataset=tokenized(options.train, tokenizer, options.max_length),
        eval_dataset=tokenized(options.test, tokenizer, options.max_length),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=accuracy,
    )
    trainer.train()
    trainer.save_model(options.output)
    scores = [entry["eval_accuracy"] for entry in trainer.state.log_history if "eval_accuracy" in entry]
    Path(options.result).write_text(json.dumps({"accuracy": scores[-1], "delivered": scores[-1]}))


if __name__ == "__main__":
    main()
