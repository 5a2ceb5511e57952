"""Trains a model as in the tutorial of the HuggingFace estimator, for benchmarks/training.py.

Rows are stored padded to max_length; Trainer has its defaults (batches of 8 in random order, fp32) and
one evaluation at the end. Prints the metrics as one JSON line at the end.
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
    """Train and evaluate the model."""
    parser = argparse.ArgumentParser()
    for name in ("--train", "--test", "--model", "--output"):
        parser.add_argument(name, required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()

    train, test = load_from_disk(options.train), load_from_disk(options.test)
    arguments = TrainingArguments(
        output_dir=options.output,
        num_train_epochs=1,
        per_device_train_batch_size=options.batch,
        learning_rate=options.learning_rate,
        seed=options.seed,
        # Without checkpoints, which would only make it slower.
        save_strategy="no",
        logging_steps=1,
        report_to="none",
    )
    model = AutoModelForSequenceClassification.from_pretrained(options.model, num_labels=2)
    trainer = Trainer(model, arguments, train_dataset=train, eval_dataset=test, compute_metrics=accuracy)
    metrics = trainer.train().metrics
    evaluation = trainer.evaluate()
    trainer.save_model(options.output)
    tokens = sum(map(sum, train["attention_mask"]))
    results = {
        "samples_per_second": metrics["train_samples_per_second"],
        "tokens_per_second": tokens / metrics["train_runtime"],
        "padding": 1 - tokens / sum(map(len, train["input_ids"])),
        "train_loss": metrics["train_loss"],
        "eval_loss": evaluation["eval_loss"],
        "eval_accuracy": evaluation["eval_accuracy"],
    }
    sys.stdout.write(json.dumps(results) + "\n")


if __name__ == "__main__":
    main()
