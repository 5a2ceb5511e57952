import logging
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers

from contract.failures import UserError, cut, first_line, guard


def fail_with(error: BaseException) -> None:
    raise error


def test_success_writes_no_reason(tmp_path: Path) -> None:
    assert guard(lambda: None, tmp_path / "failure") == 0
    assert not (tmp_path / "failure").exists()


def test_the_reason_of_an_earlier_run_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "failure"
    guard(lambda: fail_with(UserError("once")), file)
    assert file.read_text() == "once"
    seen: list[bool] = []
    assert guard(lambda: seen.append(file.exists()), file) == 0
    assert seen == [False] and not file.exists()


def test_a_user_error_is_one_sentence_without_traceback(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "output" / "failure"
    status = guard(lambda: fail_with(UserError("option --seed is 'x', expected a whole number")), file)
    assert status == 2
    assert file.read_text() == "option --seed is 'x', expected a whole number"
    assert [record.exc_info for record in caplog.records] == [None]


def test_a_bug_has_its_traceback_in_the_log_and_its_message_in_the_reason_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        status = guard(lambda: fail_with(ZeroDivisionError("by nought")), tmp_path / "failure")
    assert status == 1
    assert (tmp_path / "failure").read_text() == "ZeroDivisionError: by nought"
    assert caplog.records[0].exc_info


def test_a_panic_of_a_library_in_rust_is_a_bug_too(tmp_path: Path) -> None:
    """Its type is no Exception: tokenizers panics on a character that is an added token and that it removes."""
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.add_tokens([AddedToken("\u200d", normalized=True)])
    with pytest.raises(BaseException) as panic:
        tokenizer.encode("\u2014")
    assert not isinstance(panic.value, Exception)
    assert guard(lambda: fail_with(panic.value), tmp_path / "failure") == 1
    assert (tmp_path / "failure").read_text().startswith("PanicException: ")


def test_the_end_of_the_process_is_no_failure(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        guard(lambda: fail_with(SystemExit(3)), tmp_path / "failure")


@pytest.mark.parametrize("character", ["a", "ä", "語", "😀"])
def test_a_long_reason_is_cut_to_1024_bytes_between_characters(tmp_path: Path, character: str) -> None:
    guard(lambda: fail_with(UserError(character * 2000)), tmp_path / "failure")
    data = (tmp_path / "failure").read_bytes()
    assert 1020 - 3 <= len(data) <= 1024
    assert data.decode("utf-8").rstrip(".") == character * (len(data.decode("utf-8")) - 3)


def test_a_reason_of_exactly_the_limit_is_kept() -> None:
    assert cut("x" * 1024) == "x" * 1024
    assert cut("x" * 1025) == "x" * 1021 + "..."


def test_a_reason_file_that_cannot_be_written_does_not_hide_the_failure(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file where a folder is needed")
    assert guard(lambda: fail_with(UserError("x")), tmp_path / "output" / "failure") == 2


def test_the_first_line_of_an_error_is_not_blank() -> None:
    assert first_line(ValueError("\n  \nbad size\nbecause")) == "bad size"
    assert first_line(TimeoutError()) == "TimeoutError"
