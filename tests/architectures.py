"""Tiny pretrained model folders of many architectures, with tokenizers of their kinds, and training jobs on them.

A folder has the model of the pretraining task, as published models do, so that the classification head is new when
it is fine-tuned. The model is saved, loaded and saved again. Dropout and other settings are the defaults.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tiny_tokenizers import albert, bert, deberta, gpt2, llama, modernbert, mpnet, qwen, roberta, t5, xlm_roberta, xlnet
from training_base import LABELS, Job, make_text, write
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForPreTraining,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerBase,
)

from contract.paths import Paths

POSITIONS = 128
# Sizes, by each name that a configuration may have for them.
SIZES = {
    **dict.fromkeys(("hidden_size", "dim", "n_embd", "embedding_size"), 32),
    **dict.fromkeys(("num_hidden_layers", "n_layers", "n_layer"), 2),
    **dict.fromkeys(("num_attention_heads", "n_heads", "n_head", "num_key_value_heads"), 2),
    **dict.fromkeys(("intermediate_size", "hidden_dim"), 64),
    "head_dim": 16,
}


@dataclass(frozen=True)
class Architecture:
    """How a pretrained model folder is created.

    Attributes:
        model_type: as in config.json.
        tokenizer: makes the tokenizer.
        pretraining: the Auto class of the model that is saved.
        settings: of the configuration, beside sizes.
        legacy: whether the saved LayerNorms are named gamma and beta, as in google-bert's files.
    """

    model_type: str
    tokenizer: Callable[[], PreTrainedTokenizerBase]
    pretraining: Any = AutoModelForMaskedLM
    settings: dict[str, Any] = field(default_factory=dict)
    legacy: bool = False


FAIRSEQ = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "max_position_embeddings": POSITIONS + 2}
TABLE = {"max_position_embeddings": POSITIONS}
# As DeBERTa v3's.
DISENTANGLED = {
    **TABLE,
    "relative_attention": True,
    "position_biased_input": False,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 32,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "type_vocab_size": 0,
}
CLS_SEP = {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}

ARCHITECTURES = {
    "bert": Architecture("bert", bert, settings=TABLE),
    "bert-legacy": Architecture("bert", bert, AutoModelForPreTraining, TABLE, legacy=True),
    "roberta": Architecture("roberta", roberta, settings={**FAIRSEQ, "type_vocab_size": 1}),
    "distilbert": Architecture("distilbert", bert, settings=TABLE),
    "electra": Architecture("electra", bert, AutoModelForPreTraining, TABLE),
    "albert": Architecture("albert", albert, settings={**TABLE, "bos_token_id": 2, "eos_token_id": 3}),
    "xlm-roberta": Architecture("xlm-roberta", xlm_roberta, settings={**FAIRSEQ, "type_vocab_size": 1}),
    "mpnet": Architecture("mpnet", mpnet, settings=FAIRSEQ),
    "data2vec-text": Architecture("data2vec-text", roberta, AutoModel, {**FAIRSEQ, "type_vocab_size": 1}),
    "deberta-v2": Architecture("deberta-v2", deberta, settings=DISENTANGLED),
    "modernbert": Architecture(
        "modernbert", modernbert, settings={**TABLE, **CLS_SEP, "local_attention": 16, "global_attn_every_n_layers": 2}
    ),
    "gpt2": Architecture(
        "gpt2", gpt2, AutoModelForCausalLM, {"n_positions": POSITIONS, "bos_token_id": 0, "eos_token_id": 0}
    ),
    "llama": Architecture("llama", llama, AutoModelForCausalLM, {**TABLE, "bos_token_id": 1, "eos_token_id": 2}),
    "qwen2": Architecture("qwen2", qwen, AutoModelForCausalLM, {**TABLE, "eos_token_id": 0}),
    "qwen3": Architecture("qwen3", qwen, AutoModelForCausalLM, {**TABLE, "eos_token_id": 0}),
}

# As BART's; it finds the end of a row by </s>, as T5 does.
ENCODER_DECODER = {
    **dict.fromkeys(("encoder_layers", "decoder_layers", "encoder_attention_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "d_model"), 32),
    **FAIRSEQ,
    "max_position_embeddings": POSITIONS,
}
T5_SIZES = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0}
# Architectures that are served, but not trained in the tests. XLNet classifies by the last token and pads on the left.
SERVED_ONLY = {
    "bart": Architecture("bart", roberta, settings=ENCODER_DECODER),
    "t5": Architecture("t5", t5, settings={**T5_SIZES, "pad_token_id": 0, "eos_token_id": 1}),
    "xlnet": Architecture("xlnet", xlnet, settings={"d_model": 32, "d_inner": 64, "d_head": 16, "pad_token_id": 0}),
}


def write_pretrained(folder: Path, name: str) -> None:
    """Write a model of the architecture `name` with random weights, and its tokenizer, to `folder`."""
    architecture = ARCHITECTURES[name]
    tokenizer = architecture.tokenizer()
    config = make_config(architecture, len(tokenizer))
    torch.manual_seed(0)
    architecture.pretraining.from_config(config).save_pretrained(folder)
    architecture.pretraining.from_pretrained(folder).save_pretrained(folder)
    if architecture.legacy:
        rename_layer_norms(folder / "model.safetensors")
    tokenizer.save_pretrained(folder)


def write_classifier(folder: Path, architecture: Architecture, **settings: Any) -> None:
    """Write a classifier with its tokenizer. Its weights are so large that texts get different scores.

    Args:
        settings: of the configuration, beside the architecture's.
    """
    tokenizer = architecture.tokenizer()
    torch.manual_seed(0)
    config = make_config(architecture, len(tokenizer), **{"id2label": dict(enumerate(LABELS)), **settings})
    model = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_config(architecture: Architecture, vocabulary: int, **settings: Any) -> Any:
    known = AutoConfig.for_model(architecture.model_type)
    sizes = {name: size for name, size in SIZES.items() if hasattr(known, name)}
    return AutoConfig.for_model(
        architecture.model_type, **{**sizes, **architecture.settings, "vocab_size": vocabulary, **settings}
    )


def rename_layer_norms(file: Path) -> None:
    """Rename the LayerNorm tensors of a saved model to TensorFlow's names, gamma and beta."""
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    state = {}
    for name, tensor in load_file(file).items():
        for new, old in names.items():
            name = name.replace(new, old)
        state[name] = tensor
    save_file(state, file, {"format": "pt"})


def make_text_job(base: Path, name: str, rows: int = 160, wrong: float = 0.0, **hyperparameters: Any) -> Job:
    """Create a job that fine-tunes the architecture `name` on raw text: train as CSV, validation as JSON Lines.

    Args:
        wrong: share of the validation rows with the other label. With some, the loss on validation rises once the
            model is surer than that share allows: the best model is not the last.
    """
    paths = Paths(base)
    write_pretrained(paths.channel("model"), name)
    train, validation = make_rows(rows, seed=0), make_rows(rows // 2, seed=1, wrong=wrong)
    for channel in ("train", "validation"):
        paths.channel(channel).mkdir(parents=True)
    with (paths.channel("train") / "reviews.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *train])
    lines = [json.dumps({"text": text, "label": label}) for text, label in validation]
    (paths.channel("validation") / "reviews.jsonl").write_text("\n".join(lines) + "\n")
    channels = ("train", "validation", "model")
    write(paths.base / "input" / "config" / "inputdataconfig.json", {channel: {} for channel in channels})
    job = Job(paths)
    job.hyperparameters(**hyperparameters)
    job.hosts("algo-1", ["algo-1"])
    return job


def make_rows(count: int, seed: int, wrong: float = 0.0) -> list[tuple[str, str]]:
    """Texts and label names; the last `wrong` share of the rows has the other label."""
    generator = random.Random(seed)
    labels = [generator.randrange(2) for _ in range(count)]
    texts = [make_text(label, generator) for label in labels]
    right = round(count * (1 - wrong))
    return [(text, LABELS[label ^ (i >= right)]) for i, (text, label) in enumerate(zip(texts, labels, strict=True))]
