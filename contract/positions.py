"""position_limit: the longest input of a model in tokens, from the position embeddings in its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Model types whose first token has position pad_token_id + 1, so that the first pad_token_id + 1 position embeddings
# are unused (create_position_ids_from_input_ids and padding_idx in transformers' modeling files).
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
# MPNet does the same, with 1 as the padding id whatever its configuration has.
MPNET_PADDING_ID = 1


def position_limit(config: PretrainedConfig) -> int | None:
    """Most tokens of a row, special tokens included; None if the configuration has no limit.

    A model with learned position embeddings fails on longer rows; one with rotary embeddings was not trained on them.
    """
    text = text_part(config)
    # GPT-2 and others have it under another name, which transformers maps to this one (attribute_map).
    positions = getattr(text, "max_position_embeddings", None)
    # XLNet, whose positions are relative, has -1.
    if positions is None or positions < 1 or has_relative_positions_only(text):
        return None
    return int(positions) - positions_before_first(text)


def text_part(config: PretrainedConfig) -> PretrainedConfig:
    """The configuration of the language model, in configurations of several parts such as Gemma 3's."""
    return getattr(config, "text_config", None) or config


def has_relative_positions_only(config: PretrainedConfig) -> bool:
    """Whether the model is a DeBERTa without absolute position embeddings, such as v3, which has no longest input."""
    is_relative = getattr(config, "relative_attention", False)
    return is_relative and not getattr(config, "position_biased_input", True)


def positions_before_first(config: PretrainedConfig) -> int:
    """Number of unused position embeddings before that of the first token."""
    if config.model_type == "mpnet":
        return MPNET_PADDING_ID + 1
    if config.model_type not in AFTER_PADDING_ID:
        return 0
    return (getattr(config, "pad_token_id", None) or 0) + 1
