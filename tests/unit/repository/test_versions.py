"""Each version is stated once, and the stand-ins have the versions in the names of the Deep Learning Containers."""

import re
from pathlib import Path

from images.catalog import Catalog

ROOT = Path(__file__).parents[3]


def pins(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9_.-]+(?:\[[a-z0-9,]+\])?)((?:==|<|>=).+)$", file.read_text(), re.MULTILINE))


def test_standins_have_the_transformers_version_of_the_containers() -> None:
    catalog = Catalog.read()
    for generation in ("", "-next"):
        for base in ("training", "inference", "inference-cpu"):
            promised = re.search(r"transformers([0-9.]+)-", catalog.reference(base, f"dlc{generation}"))
            target = catalog.reference(base, f"standin{generation}").partition(":")[2]
            assert promised
            assert pins(ROOT / "images" / "standin" / f"libraries-{target}.txt")["transformers"] == f"=={promised[1]}"


def test_no_version_is_stated_twice() -> None:
    stated: dict[str, list[str]] = {}
    files = {*ROOT.glob("images/*/*.txt"), ROOT / "tests" / "requirements.txt"}
    # The next generation has the same libraries in other versions.
    for file in files - set(ROOT.glob("images/*/*-next.txt")):
        for name in pins(file):
            stated.setdefault(name, []).append(str(file.relative_to(ROOT)))
    twice = {name: files for name, files in stated.items() if len(files) > 1}
    # Both containers have the first two, each in its own version; the next four may be in the base or added by images;
    # training exports what inference runs by ONNX; the benchmarks' peer needs another setuptools than inference has.
    training = {"transformers", "torch", "matplotlib", "scikit-learn", "pyarrow", "peft"}
    assert set(twice) == training | {"onnx", "onnxruntime", "onnxscript", "setuptools"}, twice


def test_every_pin_is_exact_or_has_a_reason() -> None:
    loose = {"training": ["matplotlib", "scikit-learn"], "processing": ["pyarrow", "xxhash"], "inference": ["protobuf"]}
    for file in ROOT.glob("images/*/*.txt"):
        found = [name for name, version in pins(file).items() if not version.startswith("==")]
        assert found == loose.get(file.parent.name, []), file
