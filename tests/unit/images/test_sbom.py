import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from images.sbom import file_name, render

URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-huggingface-training@sha256:1"
INSIDE = {"torch": "2.13.0+cpu", "PyYAML": "6.0.3", "zope.event": "6.2"}


def test_the_document_is_valid_and_names_every_distribution() -> None:
    text = render("training", URI, "1.0.0", INSIDE)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = json.loads(text)
    assert {part["name"]: part["version"] for part in found["components"]} == INSIDE
    assert {part["purl"] for part in found["components"]} >= {"pkg:pypi/pyyaml@6.0.3", "pkg:pypi/torch@2.13.0%2Bcpu"}
    assert found["metadata"]["component"]["version"] == "1.0.0"


def test_an_invalid_document_would_be_noticed() -> None:
    text = render("training", URI, "1.0.0", INSIDE).replace('"container"', '"box"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is not None


def test_one_image_has_one_serial_number() -> None:
    first, second = (json.loads(render("training", URI, "1.0.0", {}))["serialNumber"] for _ in range(2))
    assert first == second != json.loads(render("training", f"{URI}2", "1.0.0", {}))["serialNumber"]
    assert file_name("training") != file_name("inference")
