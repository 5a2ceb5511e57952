import hashlib
import json
from pathlib import Path

import pytest

from contract.failures import UserError
from contract.tokenizer import fingerprint, locate, truncation_side

CONTENT = {"version": "1.0", "truncation": None, "padding": None, "model": {"type": "WordPiece", "vocab": {"ä": 0}}}


def write(folder: Path, content: object, **how: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(content, **how))  # type: ignore[arg-type]
    return folder / "tokenizer.json"


def test_a_file_or_its_folder_is_found(tmp_path: Path) -> None:
    file = write(tmp_path / "model", CONTENT)
    assert locate(str(file)) == locate(str(tmp_path / "model")) == file


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no tokenizer\.json"):
        locate(str(tmp_path))
    with pytest.raises(UserError, match="no such file or folder"):
        locate(str(tmp_path / "absent"))


def test_a_hub_name_without_network_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"some/model.*HF_HUB_OFFLINE"):
        locate("some/model")


@pytest.mark.parametrize("has_config", [True, False])
def test_a_hub_name_is_found_in_the_cache_with_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_config: bool
) -> None:
    folder = tmp_path / "models--some--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("a1")
    (folder / "snapshots").mkdir()
    write(folder / "snapshots/a1", CONTENT)
    if has_config:
        (folder / "snapshots/a1/tokenizer_config.json").write_text('{"truncation_side": "left"}')
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    path = locate("some/model")
    assert path.read_bytes() == (folder / "snapshots/a1/tokenizer.json").read_bytes()
    assert truncation_side(path, None) == ("left" if has_config else "right")


def test_the_fingerprint_ignores_spelling_truncation_and_padding(tmp_path: Path) -> None:
    same = [
        write(tmp_path / "a", CONTENT),
        write(tmp_path / "b", dict(reversed(CONTENT.items())), indent=4, ensure_ascii=False),
        write(tmp_path / "c", {**CONTENT, "truncation": {"max_length": 128}, "padding": {"pad_id": 0}}),
    ]
    assert len({fingerprint(path) for path in same}) == 1


def test_the_fingerprint_is_the_hash_of_canonical_json(tmp_path: Path) -> None:
    content = {
        "model": {"vocab": {"b": 1, "\u00e4": 0, "a": 2}, "merges": [["b", "a"], {"z": [], "y": None}]},
        "a": 1.5,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path = write(tmp_path / "a", {"truncation": {"max_length": 8}, **content})
    assert fingerprint(path) == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_fingerprint_sees_the_vocabulary(tmp_path: Path) -> None:
    other = {**CONTENT, "model": {"type": "WordPiece", "vocab": {"ö": 0}}}
    assert fingerprint(write(tmp_path / "a", CONTENT)) != fingerprint(write(tmp_path / "b", other))


@pytest.mark.parametrize("content", [[], {}, "x"])
def test_another_file_is_refused_as_a_tokenizer(tmp_path: Path, content: object) -> None:
    with pytest.raises(UserError, match="has no model"):
        fingerprint(write(tmp_path / "a", content))


@pytest.mark.parametrize(
    ("carried", "config", "side"),
    [
        (None, None, "right"),
        ({"direction": "Left"}, None, "left"),
        ({"direction": "Right"}, {"truncation_side": "left"}, "left"),
        ({"direction": "Left"}, {"truncation_side": "right"}, "right"),
        (None, {"pad_token": "x"}, "right"),
    ],
)
def test_the_truncation_side_is_that_of_the_config_else_of_the_file(
    tmp_path: Path, carried: dict[str, str] | None, config: object, side: str
) -> None:
    path = write(tmp_path, {**CONTENT, "truncation": carried})
    if config is not None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert truncation_side(path, carried) == side


def test_an_unknown_truncation_side_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, CONTENT)
    (tmp_path / "tokenizer_config.json").write_text('{"truncation_side": "middle"}')
    with pytest.raises(UserError, match="truncation_side 'middle', expected right or left"):
        truncation_side(path, None)
