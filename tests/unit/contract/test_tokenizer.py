import json
from pathlib import Path

import pytest

from contract.failures import UserError
from contract.tokenizer import fingerprint, locate

CONTENT = {"version": "1.0", "truncation": None, "padding": None, "model": {"type": "WordPiece", "vocab": {"ä": 0}}}


def write(folder: Path, content: object, **how: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(content, **how))  # type: ignore[arg-type]
    return folder / "tokenizer.json"


def test_a_file_or_its_folder_is_found(tmp_path: Path) -> None:
    file = write(tmp_path / "model", CONTENT)
    assert locate(str(file)) == locate(str(tmp_path / "model")) == file


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no tokenizer\.json"):
        locate(str(tmp_path))
    with pytest.raises(UserError, match="no such file or folder"):
        locate(str(tmp_path / "absent"))


def test_a_hub_name_without_network_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"some/model.*HF_HUB_OFFLINE"):
        locate("some/model")


def test_the_fingerprint_ignores_spelling_truncation_and_padding(tmp_path: Path) -> None:
    same = [
        write(tmp_path / "a", CONTENT),
        write(tmp_path / "b", dict(reversed(CONTENT.items())), indent=4, ensure_ascii=False),
        write(tmp_path / "c", {**CONTENT, "truncation": {"max_length": 128}, "padding": {"pad_id": 0}}),
    ]
    assert len({fingerprint(path) for path in same}) == 1


def test_the_fingerprint_sees_the_vocabulary(tmp_path: Path) -> None:
    other = {**CONTENT, "model": {"type": "WordPiece", "vocab": {"ö": 0}}}
    assert fingerprint(write(tmp_path / "a", CONTENT)) != fingerprint(write(tmp_path / "b", other))


@pytest.mark.parametrize("content", [[], {}, "x"])
def test_another_file_is_no_tokenizer(tmp_path: Path, content: object) -> None:
    with pytest.raises(UserError, match="has no model"):
        fingerprint(write(tmp_path / "a", content))
