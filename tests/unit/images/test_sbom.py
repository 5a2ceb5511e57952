import json
import subprocess
import sys
from importlib import metadata

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from images.sbom import INSIDE as SCRIPT
from images.sbom import Distribution, file_name, render

URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-huggingface-training@sha256:1"
INSIDE = [
    Distribution("torch", "2.13.0+cpu", "BSD-3-Clause", "a" * 64),
    Distribution("PyYAML", "6.0.3", "MIT License"),
    Distribution("zope.event", "6.2"),
]


def test_the_document_is_valid_and_names_every_distribution() -> None:
    text = render("training", URI, "1.0.0", INSIDE)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = json.loads(text)
    assert {part["name"]: part["version"] for part in found["components"]} == {one.name: one.version for one in INSIDE}
    assert {part["purl"] for part in found["components"]} >= {"pkg:pypi/pyyaml@6.0.3", "pkg:pypi/torch@2.13.0%2Bcpu"}
    assert found["metadata"]["component"]["version"] == "1.0.0"


def test_licences_and_digests_are_those_of_the_distributions() -> None:
    text = render("training", URI, "1.0.0", INSIDE)
    found = {part["name"]: part for part in json.loads(text)["components"]}
    assert found["torch"]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert found["torch"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert found["PyYAML"]["licenses"] == [{"license": {"name": "MIT License"}}]
    assert not {"licenses", "hashes"} & set(found["zope.event"])


def test_the_script_inside_lists_what_is_installed() -> None:
    """Compared with this environment's own metadata; licences by the three fields that metadata has for them."""
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    found = {entry["name"]: Distribution(**entry) for entry in json.loads(told.stdout)}
    assert found["boto3"].version == metadata.version("boto3")
    assert found["boto3"].license == "Apache-2.0"
    assert len(found["boto3"].record) == 64
    assert sum(bool(one.license) for one in found.values()) > 0.9 * len(found)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(render("x", URI, "1", found.values())) is None


def test_an_invalid_document_would_be_noticed() -> None:
    text = render("training", URI, "1.0.0", INSIDE).replace('"container"', '"box"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is not None


def test_one_image_has_one_serial_number() -> None:
    first, second = (json.loads(render("training", URI, "1.0.0", []))["serialNumber"] for _ in range(2))
    assert first == second != json.loads(render("training", f"{URI}2", "1.0.0", []))["serialNumber"]
    assert file_name("training") != file_name("inference")
