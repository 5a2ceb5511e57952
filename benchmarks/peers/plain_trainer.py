"""Fine-tuning by plain transformers Trainer, for benchmarks/finetuning.py.

As the published examples go about it (run_glue.py, the text classification tutorial): the texts are
tokenized with truncation, DataCollatorWithPadding pads each batch to its longest row, an evaluation
follows each epoch, and all else is Trainer's default. Writes what it measured to --result as JSON.
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
    parser = argparse.ArgumentParser()
    for name in ("--train", "--test", "--model", "--output", "--result"):
        parser.add_argument(name, required=True)
    for name in ("--epochs", "--batch", "--max-length", "--seed"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--bf16", action="store_true")
    return parser.parse_args()


def tokenized(file: str, tokenizer: Any, max_length: int) -> Dataset:
    """The rows of a JSON lines file with columns text and label."""
    rows = Dataset.from_list([json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()])
    return rows.map(
        lambda batch: tokenizer(batch["text"], truncation=True, max_length=max_length, padding=False),
        batched=True,
        remove_columns=["text"],
    )


def training_arguments(given: argparse.Namespace) -> TrainingArguments:
    return TrainingArguments(
        output_dir=given.output,
        num_train_epochs=given.epochs,
        per_device_train_batch_size=given.batch,
        learning_rate=given.learning_rate,
        seed=given.seed,
        bf16=given.bf16,
        eval_strategy="epoch",
        # Checkpoints would only cost it time.
        save_strategy="no",
        report_to="none",
        use_cpu=True,
    )


def main() -> None:
    given = parse()
    # As run_glue.py does: the new head of the model is random.
    set_seed(given.seed)
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    trainer = Trainer(
        AutoModelForSequenceClassification.from_pretrained(given.model, num_labels=2),
        training_arguments(given),
        train_dataset=tokenized(given.train, tokenizer, given.max_length),
        eval_dataset=tokenized(given.test, tokenizer, given.max_length),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=accuracy,
    )
    trainer.train()
    trainer.save_model(given.output)
    scores = [entry["eval_accuracy"] for entry in trainer.state.log_history if "eval_accuracy" in entry]
    Path(given.result).write_text(json.dumps({"accuracy": scores[-1], "delivered": scores[-1]}))


if __name__ == "__main__":
    main()
