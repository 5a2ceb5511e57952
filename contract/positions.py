"""The longest input of a model, from the position embeddings in its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Their first token has position pad_token_id + 1, so that the table has pad_token_id + 1 rows that no token gets
# (create_position_ids_from_input_ids and padding_idx in transformers' modeling files).
AFTER_PADDING_ID = frozenset(
    {
        "camembert",
        "data2vec-text",
        "esm",
        "ibert",
        "layoutlmv3",
        "lilt",
        "longformer",
        "luke",
        "markuplm",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    }
)
# MPNet does the same, and has 1 for the padding id whatever its configuration says.
MPNET_PADDING_ID = 1


def position_limit(config: PretrainedConfig) -> int | None:
    """Most tokens of a row, special tokens included; None where the model names no limit.

    A model with a table of positions cannot take more; one with rotary positions can, and was not trained for it.
    """
    text = text_part(config)
    # GPT-2 and others have it under another name, which transformers maps to this one.
    positions = getattr(text, "max_position_embeddings", None)
    # XLNet, whose positions are relative, has -1.
    if positions is None or positions < 1 or has_relative_positions_only(text):
        return None
    return int(positions) - positions_before_first(text)


def text_part(config: PretrainedConfig) -> PretrainedConfig:
    """The part of a configuration that is the language model's, where it has several parts, as Gemma 3's does."""
    return getattr(config, "text_config", None) or config


def has_relative_positions_only(config: PretrainedConfig) -> bool:
    """Whether it is a DeBERTa without a table of positions, as v3 is: its distances are bounded, its rows are not."""
    is_relative = getattr(config, "relative_attention", False)
    return is_relative and not getattr(config, "position_biased_input", True)


def positions_before_first(config: PretrainedConfig) -> int:
    """Rows of the table before that of the first token."""
    if config.model_type == "mpnet":
        return MPNET_PADDING_ID + 1
    if config.model_type not in AFTER_PADDING_ID:
        return 0
    return (getattr(config, "pad_token_id", None) or 0) + 1
