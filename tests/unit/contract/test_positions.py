from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel

from contract.positions import AFTER_PADDING_ID, position_limit

TABLE = 24
SIZES = {
    **dict.fromkeys(("hidden_size", "dim", "n_embd", "d_model", "emb_dim", "embedding_size"), 24),
    **dict.fromkeys(("num_hidden_layers", "n_layers", "n_layer", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_heads", "n_head", "num_key_value_heads"), 2),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "d_inner", "encoder_ffn_dim", "decoder_ffn_dim"), 16),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), TABLE),
    **dict.fromkeys(("entity_vocab_size", "entity_emb_size"), 8),
    **dict.fromkeys(("coordinate_size", "shape_size"), 4),
    "attention_window": [8, 8],
    "channel_shrink_ratio": 2,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "vocab_size": 40,
    "languages": ["en_XX"],
    "default_language": "en_XX",
    "visual_embed": False,
}
WITH_TABLE = (
    "albert",
    "bart",
    "bert",
    "big_bird",
    "convbert",
    "deberta",
    "deberta-v2",
    "distilbert",
    "electra",
    "ernie",
    "flaubert",
    "fnet",
    "gpt2",
    "megatron-bert",
    "mpnet",
    "nystromformer",
    "openai-gpt",
    "opt",
    "rembert",
    "roformer",
    "squeezebert",
    "xlm",
    *sorted(AFTER_PADDING_ID),
)


def make_config(model_type: str, **settings: Any) -> Any:
    known = AutoConfig.for_model(model_type)
    # XLNet has the attribute, but does not allow setting it.
    sizes = {name: size for name, size in SIZES.items() if hasattr(known, name) and getattr(known, name) != -1}
    return AutoConfig.for_model(model_type, **sizes | {"pad_token_id": 3} | settings)


def takes(config: Any, length: int) -> bool:
    """Whether the model's forward pass succeeds with a row of `length` tokens."""
    ids = torch.full((1, length), 7)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if config.model_type in ("layoutlmv3", "lilt"):
        inputs["bbox"] = torch.zeros((1, length, 4), dtype=torch.int64)
    try:
        with torch.inference_mode():
            AutoModel.from_config(config).eval()(**inputs)
    except (IndexError, RuntimeError):
        return False
    return True


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("model_type", WITH_TABLE)
def test_the_model_accepts_as_many_tokens_and_not_one_more(model_type: str) -> None:
    config = make_config(model_type)
    limit = position_limit(config)
    assert limit is not None
    assert takes(config, limit)
    assert not takes(config, limit + 1)


@pytest.mark.parametrize(
    ("model_type", "settings"),
    [
        ("bloom", {}),
        ("xlnet", {}),
        ("umt5", {}),
        ("deberta-v2", {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["p2c", "c2p"]}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_model_without_position_embeddings_has_no_limit(model_type: str, settings: dict[str, Any]) -> None:
    assert position_limit(make_config(model_type, **settings)) is None


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_deberta_v3_accepts_rows_longer_than_its_relative_positions() -> None:
    assert takes(make_config("deberta-v2", relative_attention=True, position_biased_input=False), 4 * TABLE)


@pytest.mark.parametrize("model_type", ["llama", "modernbert", "qwen2"])
def test_rotary_positions_have_the_limit_that_the_configuration_states(model_type: str) -> None:
    assert position_limit(make_config(model_type)) == TABLE


def test_the_text_part_of_a_model_of_several_has_the_limit() -> None:
    config = AutoConfig.for_model("gemma3", text_config={"max_position_embeddings": TABLE})
    assert position_limit(config) == TABLE
