"""model.tar.gz: unpacked safely, wherever the model lies in it."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from contract.failures import UserError
from training.model import model_archive


def write(archive: Path, *names: str, link: tuple[str, str, bytes] | None = None) -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as file:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 2
            file.addfile(info, io.BytesIO(b"{}"))
        if link:
            info = tarfile.TarInfo(link[0])
            info.linkname, info.type = link[1:]
            file.addfile(info)
    return archive


def test_an_archive_is_a_file_of_that_name_or_alone_in_its_folder(tmp_path: Path) -> None:
    archive = write(tmp_path / "model" / "model.tar.gz", "config.json")
    assert model_archive.archive_of(str(archive)) == archive
    assert model_archive.archive_of(str(archive.parent)) == archive
    (archive.parent / "config.json").write_text("{}")
    assert model_archive.archive_of(str(archive.parent)) is None
    assert model_archive.archive_of("bert-base-uncased") is None


@pytest.mark.parametrize("names", [("config.json", "model.safetensors"), ("top/config.json", "top/model.safetensors")])
def test_the_model_is_found_at_the_top_or_one_folder_down(
    tmp_path: Path, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(model_archive.FOLDER_VARIABLE, "")
    archive = write(tmp_path / "model.tar.gz", *names)
    model_archive.unpack_once(str(archive))
    found = Path(model_archive.location(str(archive)))
    assert sorted(path.name for path in found.iterdir()) == ["config.json", "model.safetensors"]
    assert model_archive.location("bert-base-uncased") == "bert-base-uncased"


@pytest.mark.parametrize("name", ["../out", "folder/../../out", "/tmp/absolute-out"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    file = write(tmp_path / "in" / "model.tar.gz", "config.json", name)
    target = tmp_path / "in" / "target"
    target.mkdir()
    with pytest.raises(UserError, match=f"holds '{name}', expected names within the archive"):
        model_archive.unpacked(file, target)
    assert not (tmp_path / "in" / "out").exists()
    assert not Path("/tmp/absolute-out").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
@pytest.mark.parametrize("to", ["/etc/passwd", "config.json"])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes, to: str) -> None:
    file = write(tmp_path / "model.tar.gz", "config.json", link=("model.safetensors", to, kind))
    (tmp_path / "target").mkdir()
    with pytest.raises(UserError, match="holds 'model.safetensors', which is a link or a device; expected files"):
        model_archive.unpacked(file, tmp_path / "target")
    assert not os.path.lexists(tmp_path / "target" / "model.safetensors")


def test_contents_and_folders_are_kept_and_modes_are_not(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "onnx").mkdir(parents=True)
    (source / "config.json").write_bytes(b"{}")
    (source / "onnx" / "model.bin").write_bytes(bytes(range(256)) * 1000)
    (source / "config.json").chmod(0o4644)
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as file:
        file.add(source, ".")
    (tmp_path / "target").mkdir()
    found = model_archive.unpacked(tmp_path / "model.tar.gz", tmp_path / "target")
    assert (found / "onnx" / "model.bin").read_bytes() == (source / "onnx" / "model.bin").read_bytes()
    assert (found / "config.json").stat().st_mode & 0o4000 == 0
    assert (found / "config.json").read_bytes() == b"{}"


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(UserError, match=r"holds \['notes.txt'\], expected config.json and weights"):
        model_archive.unpacked(write(tmp_path / "model.tar.gz", "notes.txt"), tmp_path / "a")
    (tmp_path / "torn.tar.gz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="cannot be unpacked"):
        model_archive.unpacked(tmp_path / "torn.tar.gz", tmp_path / "b")


def test_an_archive_of_several_models_is_refused_unless_one_is_at_the_top(tmp_path: Path) -> None:
    several = write(tmp_path / "several.tar.gz", "checkpoint-1/config.json", "checkpoint-2/config.json")
    (tmp_path / "a").mkdir()
    with pytest.raises(UserError, match=r"holds several models, in \['checkpoint-1', 'checkpoint-2'\]; expected one"):
        model_archive.unpacked(several, tmp_path / "a")
    top = write(tmp_path / "top.tar.gz", "config.json", "checkpoint-1/config.json")
    (tmp_path / "b").mkdir()
    assert model_archive.unpacked(top, tmp_path / "b") == tmp_path / "b"


def test_more_than_the_disk_holds_is_refused_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write(tmp_path / "model.tar.gz", "config.json", "model.safetensors", "more.safetensors")
    (tmp_path / "folder").mkdir()
    # The members have two bytes each.
    monkeypatch.setattr("training.model.model_archive.shutil.disk_usage", lambda _: SimpleNamespace(free=5))
    with pytest.raises(UserError, match=r"model.tar.gz holds more than the disk of \S+ has room for"):
        model_archive.unpacked(archive, tmp_path / "folder")
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == ["config.json", "model.safetensors"]
