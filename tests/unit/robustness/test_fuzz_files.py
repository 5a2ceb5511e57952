"""A short run of the fuzz of files: records are accounted for, or the file is refused in a sentence."""

from __future__ import annotations

from collections import Counter

from contract.failures import UserError
from robustness.fuzz_files import ended, fuzz
from robustness.mutated_files import MARK, Mutated


def case(content: str, name: str = "rows.csv") -> Mutated:
    return Mutated(0, name, content.encode(), "none")


def refuse(words: str) -> dict[str, int]:
    raise UserError(words)


def crash() -> dict[str, int]:
    raise KeyError("missing")


def test_some_files_are_read_or_refused() -> None:
    outcomes = Counter(end.outcome for _, end in fuzz(12, seed=5))
    assert outcomes.keys() <= {"read", "refused"}
    assert outcomes["read"] > 4


def test_counts_that_do_not_add_up_are_wrong() -> None:
    rows = {"read": 2, "kept": 1, "filtered": 0, "rejected": 1}
    two, three = case('id,text\n1,"a\nb"\n\n2,c\n'), case("id,text\n1,a\n2,b\n3,c\n")
    assert (ended(two, lambda: rows).outcome, ended(three, lambda: rows).outcome) == ("read", "wrong")
    assert ended(two, lambda: {**rows, "kept": 2}).outcome == "wrong"


def test_text_of_the_data_in_an_error_is_a_leak() -> None:
    assert ended(case("a,b\n"), lambda: refuse(f"the value {MARK}")).outcome == "leaked"
    assert ended(case("a,b\n"), lambda: refuse("the file is damaged")).outcome == "refused"
    assert ended(case("a,b\n"), crash).outcome == "crashed"


def test_records_are_counted_character_by_character() -> None:
    assert case('id,text\n1,"a ""b""\n\nc"\n\n"stray,2\n3,d\n').records() == 3
    assert case("id,text\n1,a\r2,b\nhalf\ra,3\n").records() == 3
    # The quote of the second record closes in the next line: the first line is one rejected record.
    assert case('id,text\n1,a\r2,"b\nc"\n').records() == 2
    assert case('{"a": 1}\r\n\r\n{"a": 2}\r', "rows.jsonl").records() == 2
