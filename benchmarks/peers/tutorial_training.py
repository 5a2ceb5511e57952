"""Training as the HuggingFace estimator's tutorial goes about it, for benchmarks/training.py.

Rows padded to max_length at rest, Trainer with its defaults (batches of 8, in the order that it
shuffles, fp32), one evaluation at the end. Prints what it measured as one JSON line at the end.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
from datasets import load_from_disk
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments


def accuracy(prediction: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    return {"accuracy": float((prediction[0].argmax(-1) == prediction[1]).mean())}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--train", "--test", "--model", "--output"):
        parser.add_argument(name, required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=42)
    given = parser.parse_args()

    train, test = load_from_disk(given.train), load_from_disk(given.test)
    arguments = TrainingArguments(
        output_dir=given.output,
        num_train_epochs=1,
        per_device_train_batch_size=given.batch,
        learning_rate=given.learning_rate,
        seed=given.seed,
        # Checkpoints would only cost it time.
        save_strategy="no",
        logging_steps=1,
        report_to="none",
    )
    model = AutoModelForSequenceClassification.from_pretrained(given.model, num_labels=2)
    trainer = Trainer(model, arguments, train_dataset=train, eval_dataset=test, compute_metrics=accuracy)
    metrics = trainer.train().metrics
    judged = trainer.evaluate()
    trainer.save_model(given.output)
    tokens = sum(map(sum, train["attention_mask"]))
    found = {
        "samples_per_second": metrics["train_samples_per_second"],
        "tokens_per_second": tokens / metrics["train_runtime"],
        "padding": 1 - tokens / sum(map(len, train["input_ids"])),
        "train_loss": metrics["train_loss"],
        "eval_loss": judged["eval_loss"],
        "eval_accuracy": judged["eval_accuracy"],
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
