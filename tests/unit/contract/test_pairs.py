"""Pairs of texts are joined and truncated as the tokenizers library does it."""

from __future__ import annotations

import itertools

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from contract.pairs import PairJoiner, template_of

WORDS = [f"w{number}" for number in range(40)]
TEMPLATES = {
    "bert": ("[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", True),
    "roberta": ("[CLS] $A [SEP] [SEP] $B [SEP]", False),
    "none": ("$A $B", False),
}


def tokenizer(template: str) -> Tokenizer:
    vocabulary = {word: number for number, word in enumerate(["[CLS]", "[SEP]", "[UNK]", *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    special = [(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A", pair=template, special_tokens=special)
    return made


def text(words: int, start: int = 0) -> str:
    return " ".join(itertools.islice(itertools.cycle(WORDS), start, start + words))


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("strategy", ["longest_first", "only_first", "only_second"])
@pytest.mark.parametrize("name", list(TEMPLATES))
def test_rows_are_those_of_the_library(name: str, strategy: str, side: str) -> None:
    made = tokenizer(TEMPLATES[name][0])
    template = template_of(made)
    assert template is not None
    assert template.has_types == TEMPLATES[name][1]
    pairs = [(text(one), text(two, 7)) for one, two in itertools.product((1, 3, 5, 6, 9), repeat=2)]
    rows = PairJoiner(template, 10, strategy, side).encode(made, pairs)
    made.enable_truncation(10, strategy=strategy, direction=side)
    for row, pair in zip(rows, pairs, strict=True):
        if len(row.ids) > 10:
            # The library refuses what it cannot truncate.
            with pytest.raises(Exception, match="Truncation error"):
                made.encode(*pair)
            continue
        expected = made.encode(*pair)
        assert (row.ids, row.type_ids) == (expected.ids, expected.type_ids)
        assert row.truncated == bool(expected.overflowing)


def test_two_long_texts_take_time_and_memory_of_their_length() -> None:
    """By the library's own truncation these two would make 2.5 billion parts."""
    made = tokenizer(TEMPLATES["bert"][0])
    template = template_of(made)
    assert template is not None
    [row] = PairJoiner(template, 8, "longest_first", "right").encode(made, [(text(250_000), text(250_000, 7))])
    assert (len(row.ids), row.truncated) == (8, True)


def test_a_tokenizer_with_the_second_text_first_has_no_template() -> None:
    assert template_of(tokenizer("[CLS] $B [SEP] $A")) is None
