"""Whether rows of a tokenizer get token_type_ids: by its configuration, else by transformers' class of that name."""

from __future__ import annotations

from pathlib import Path

from contract.tokenizer import config

TYPES = "token_type_ids"
# transformers' classes for a tokenizer.json of any model, of whose inputs they know nothing.
GENERIC = ("TokenizersBackend", "PreTrainedTokenizerFast")


def asks_for_types(path: Path) -> bool:
    """Whether the model_input_names of the tokenizer of the tokenizer.json `path` have token_type_ids.

    True if nobody says what they are: training leaves out token_type_ids that a model does not know.
    """
    settings = config(path)
    names = settings.get("model_input_names") or class_input_names(str(settings.get("tokenizer_class") or ""))
    return names is None or TYPES in names


def class_input_names(name: str) -> list[str] | None:
    """model_input_names of transformers' class of tokenizers `name`; None if it says nothing about a model."""
    if not name or name in GENERIC:
        return None
    try:
        # Imported late: it takes seconds, and only rows of two texts need it.
        from transformers.models.auto.tokenization_auto import tokenizer_class_from_name
    except ImportError:
        return None
    found = tokenizer_class_from_name(name)
    return None if found is None or found.__name__ in GENERIC else list(found.model_input_names)
