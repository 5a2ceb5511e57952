"""The software bill of materials of an image (CycloneDX JSON), from its installed Python distributions.

Source of the format: CycloneDX 1.6 (ECMA-424). What the base's system packages are, ECR's scan tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

# Runs inside an image; pip need not be there.
INSIDE = """
import json
from importlib.metadata import distributions
print(json.dumps({found.metadata["Name"]: found.version for found in distributions()}))
"""


def file_name(image: str) -> str:
    """Name of the file for `image`, beside images.json."""
    return f"sbom-{image}.cdx.json"


def render(image: str, uri: str, version: str, distributions: Mapping[str, str]) -> str:
    """The document for one image.

    Args:
        image: its name.
        uri: by digest; the document's serial number is made from it.
        version: of the image.
        distributions: version of each Python distribution inside, by name.
    """
    container = Component(name=image, version=version, type=ComponentType.CONTAINER, bom_ref=uri)
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, uri))
    bom.metadata.component = container
    bom.components.update(component(name, found) for name, found in distributions.items())
    bom.register_dependency(container, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def component(name: str, version: str) -> Component:
    purl = PackageURL("pypi", None, name, version)
    return Component(name=name, version=version, purl=purl, bom_ref=purl.to_string())
