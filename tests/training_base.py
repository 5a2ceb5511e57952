"""Creates a small training job for tests: rows, tokenizer and model, in SageMaker's folder layout."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification, BertConfig

from contract import small_bert
from contract.card import Card, RowCounts, TokenizerReference
from contract.paths import Paths
from contract.small_bert import SPECIAL_TOKENS
from contract.tokenizer import fingerprint

GOOD = ["good", "great", "fine", "lovely", "superb"]
BAD = ["bad", "awful", "poor", "dull", "broken"]
PLAIN = [f"word{i}" for i in range(40)]
LABELS = ("NEGATIVE", "POSITIVE")
MAX_LENGTH = 32


@dataclass(frozen=True)
class Job:
    """A base folder with the inputs of a training job."""

    paths: Paths

    def hyperparameters(self, **values: Any) -> None:
        """Write them as SageMaker does: every value as text.

        In fp32 unless `bf16` is given: by default the CPU decides, and a test's outcome would depend on it.
        """
        values = {"bf16": False} | values
        write(self.paths.hyperparameters, {name: str(value) for name, value in values.items()})

    def hosts(self, current: str, names: list[str]) -> None:
        write(self.paths.training_resource_config, {"current_host": current, "hosts": names})


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def make_job(base: Path, rows: int = 240, hosts: int = 1, dropout: float = 0.1, test: bool = False) -> Job:
    """Create a job with the channels train, validation, model and optionally test below `base`."""
    paths = Paths(base)
    tokenizer = make_model(paths.channel("model"), dropout)
    channels = {"train": rows, "validation": rows // 4} | ({"test": rows // 4} if test else {})
    for seed, (name, count) in enumerate(channels.items()):
        make_channel(paths.channel(name), tokenizer, count, seed, hosts)
    write(paths.base / "input" / "config" / "inputdataconfig.json", {name: {} for name in channels})
    job = Job(paths)
    job.hyperparameters()
    job.hosts("algo-1", ["algo-1"])
    return job


def make_tokenizer() -> Tokenizer:
    tokenizer = small_bert.make_tokenizer(SPECIAL_TOKENS + GOOD + BAD + PLAIN)
    tokenizer.add_special_tokens(SPECIAL_TOKENS)
    return tokenizer


def make_model(folder: Path, dropout: float) -> Tokenizer:
    """Write a folder with config.json and tokenizer.json, without weights."""
    tokenizer = make_tokenizer()
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    config.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def pretrain(folder: Path) -> None:
    """Add weights to the model in `folder`, which transformers has loaded from a file and saved again.

    transformers treats a loaded model differently from a newly created one: some releases
    write other names for its weights (LayerNorm.gamma).
    """
    torch.manual_seed(0)
    config = BertConfig.from_pretrained(folder)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    AutoModelForSequenceClassification.from_pretrained(folder).save_pretrained(folder)


def make_text(label: int, generator: random.Random) -> str:
    words = generator.choices(PLAIN, k=generator.randint(1, 24)) + generator.choices(GOOD if label else BAD, k=3)
    generator.shuffle(words)
    return " ".join(words)


def make_channel(folder: Path, tokenizer: Tokenizer, rows: int, seed: int, hosts: int = 1) -> None:
    """Write prepared rows to `folder`, or for several hosts to one folder below it per host."""
    generator = random.Random(seed)
    for host in range(hosts):
        part = folder if hosts == 1 else folder / f"algo-{host + 1}"
        labels = [generator.randrange(2) for _ in range(rows // hosts)]
        ids = [tokenizer.encode(make_text(label, generator)).ids for label in labels]
        columns = {"input_ids": ids, "labels": labels, "length": [len(row) for row in ids]}
        Dataset.from_dict(columns).save_to_disk(str(part))
        make_card(tokenizer, part, len(labels)).write(part)


def make_card(tokenizer: Tokenizer, folder: Path, rows: int) -> Card:
    file = folder / "tokenizer-of-card.json"
    tokenizer.save(str(file))
    digest = fingerprint(file)
    file.unlink()
    return Card(
        text_column="review_body",
        label_names=LABELS,
        tokenizer=TokenizerReference("tiny", digest),
        max_length=MAX_LENGTH,
        seed=42,
        splits={"train": rows},
        rows=RowCounts(rows, rows),
        versions={},
    )


def delete(path: Path) -> None:
    """Corrupt a checkpoint: delete the file."""
    path.unlink()


def truncate(path: Path) -> None:
    """Corrupt a checkpoint: remove the last byte of the file."""
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    """Corrupt a checkpoint: flip one bit in the middle of the file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
