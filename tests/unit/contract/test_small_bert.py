from __future__ import annotations

from pathlib import Path

from contract.small_bert import SPECIAL_TOKENS, make_tokenizer, train_tokenizer, write_model

TEXTS = ["A lovely kettle.", "A dull kettle."]


def test_the_tokenizer_knows_the_texts_and_adds_cls_and_sep() -> None:
    encoded = train_tokenizer(TEXTS).encode("LOVELY kettle.")
    assert (encoded.tokens[0], encoded.tokens[-1]) == ("[CLS]", "[SEP]")
    assert "".join(encoded.tokens[1:-1]).replace("##", "") == "lovelykettle."
    assert SPECIAL_TOKENS[1] not in encoded.tokens


def test_the_folder_has_what_a_training_starts_from(tmp_path: Path) -> None:
    config = write_model(tmp_path, TEXTS, 16, id2label={0: "a", 1: "b", 2: "c"})
    assert {"config.json", "tokenizer.json", "tokenizer_config.json"} <= {path.name for path in tmp_path.iterdir()}
    assert (config.max_position_embeddings, config.num_labels) == (16, 3)


def test_a_given_vocabulary_is_numbered_in_its_order() -> None:
    assert make_tokenizer([*SPECIAL_TOKENS, "dull", "kettle"]).encode("Dull kettle!").ids == [2, 5, 6, 1, 3]
