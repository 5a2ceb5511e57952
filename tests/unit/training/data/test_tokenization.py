import logging
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Value
from tokenizers import Tokenizer
from training_base import Job

from contract.failures import UserError
from training.data.labels import UnlabelledError
from training.data.raw_labels import RawLabels
from training.data.tokenization import TextEncoder

TEXT = ["good word1 word2 word3 word4", "bad", "fine"]


@pytest.fixture
def encoder(job: Job) -> TextEncoder:
    return TextEncoder(job.paths.channel("model") / "tokenizer.json", max_length=5)


def encoded(encoder: TextEncoder, names: tuple[str, ...] = (), **columns: Any) -> Dataset:
    return encoder.encode(Dataset.from_dict(columns), names, Path("train"))


def test_ids_are_the_tokenizers_own_truncated_with_special_tokens(encoder: TextEncoder) -> None:
    rows = encoded(encoder, text=TEXT, label=["yes", "no", "yes"])
    tokenizer = Tokenizer.from_file(str(encoder.tokenizer_file))
    tokenizer.enable_truncation(5)
    assert rows["input_ids"] == [tokenizer.encode(text).ids for text in TEXT]
    assert [len(row) for row in rows["input_ids"]] == [5, 3, 3]
    assert rows["text"] == TEXT


@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        (["yes", "no", "yes"], ["no", "yes"], [1, 0, 1]),
        (["10", "9", "10"], ["9", "10"], [1, 0, 1]),
        ([2, 0, 1], ["0", "1", "2"], [2, 0, 1]),
        ([True, False, True], ["false", "true"], [1, 0, 1]),
    ],
)
def test_classes_are_the_values_in_order(
    encoder: TextEncoder, labels: list[Any], names: list[str], numbers: list[int]
) -> None:
    rows = encoded(encoder, text=TEXT, label=labels)
    assert rows.features["labels"].names == names
    assert rows["labels"] == numbers


def test_another_channels_classes_keep_their_numbers(encoder: TextEncoder) -> None:
    assert encoded(encoder, ("yes", "no"), text=["a", "b"], label=["no", "no"])["labels"] == [1, 1]
    with pytest.raises(UserError, match="than the 2 classes of train in 1 of 2 rows, the first is row 2$"):
        encoded(encoder, ("yes", "no"), text=["a", "b"], label=["no", "maybe"])


def test_a_class_label_column_brings_its_names(encoder: TextEncoder) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["z", "a"])})
    rows = encoder.encode(Dataset.from_dict({"text": TEXT, "label": [0, 1, 1]}, features=features), (), Path("train"))
    assert rows.features["labels"].names == ["z", "a"]
    assert rows["labels"] == [0, 1, 1]


def test_numbers_of_no_class_are_refused(encoder: TextEncoder) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["z", "a"])})
    for labels, error, message in (
        ([-1, -1], UnlabelledError, "label -1 in each row, which means that there is none"),
        ([0, -1], UserError, "labels go from -1 to 0, expected 0 to 1"),
    ):
        rows = Dataset.from_dict({"text": ["a", "b"], "label": labels}, features=features)
        with pytest.raises(error, match=message):
            encoder.encode(rows, (), Path("train"))


def test_columns_that_are_not_read_are_named(encoder: TextEncoder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        columns = {"question": TEXT, "sentence": TEXT, "label": [0, 1, 0], "A text": TEXT}
        encoder.encode(Dataset.from_dict(columns), (), Path("train"))
    assert "channel train: columns sentence and label are read, question, 1 others are not" in caplog.text


def test_the_named_columns_are_taken(encoder: TextEncoder) -> None:
    named = TextEncoder(encoder.tokenizer_file, 5, text_column="body", labels=RawLabels("stars"))
    assert encoded(named, body=["bad", "good"], text=["x", "y"], stars=["1", "5"])["text"] == ["bad", "good"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"body": TEXT, "label": [0, 1, 0]}, "none of review_body, text, sentence, content is among them"),
        (
            {"text": TEXT, "stars": [0, 1, 0]},
            "none of labels, label with the labels is among them; expected the hyperparameter label_column to",
        ),
        ({"text": ["a", None, ""], "label": [0, 1, 0]}, "column text is empty in 2 of 3 rows"),
        ({"text": TEXT, "label": ["1", "", "0"]}, "column label is empty in 1 of 3 rows"),
        ({"text": TEXT, "label": ["1", "1", "1"]}, "has 1 different values, expected 2 to"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_refused(
    encoder: TextEncoder, columns: dict[str, list[Any]], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        encoded(encoder, (), **columns)


def test_a_column_that_is_named_but_missing_is_not_guessed(encoder: TextEncoder) -> None:
    with pytest.raises(UserError, match="hyperparameter text_column is 'body'"):
        encoded(TextEncoder(encoder.tokenizer_file, 5, text_column="body"), text=TEXT, label=[0, 1, 0])
