from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inference.options import ServingOptions
from inference.worker.user_code import call, load
from inference.worker.user_modules import IMAGE_PACKAGES

pytestmark = pytest.mark.usefixtures("undo_import")

OWN_MODULES = """
import inference, contract
from contract import RULES
from inference.helper import double

def predict_fn(data, model):
    from contract.late import WHEN
    return contract.RULES, double(21), WHEN, inference.__file__, model(data)
"""


def test_a_teams_modules_named_as_the_images_packages_are_its_own(tmp_path: Path) -> None:
    for name, text in {
        "contract/__init__.py": "RULES = 'ours'",
        "contract/late.py": "WHEN = 'at the call'",
        "inference/__init__.py": "",
        "inference/helper.py": "def double(value): return 2 * value",
    }.items():
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    image = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in IMAGE_PACKAGES}
    (tmp_path / "code" / "inference.py").write_text(OWN_MODULES)
    predict_fn = load(tmp_path, None).predict_fn
    assert predict_fn is not None
    for _ in range(2):
        *values, file, answer = call(predict_fn, None, "data", lambda data: (data, dataclass_of_the_image()))
        assert values == ["ours", 42, "at the call"]
        assert file == str(tmp_path / "code" / "inference" / "__init__.py")
        assert answer == ("data", "inference.options")
    assert {name: sys.modules[name] for name in image} == image


def dataclass_of_the_image() -> str:
    return ServingOptions.__module__
