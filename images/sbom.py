"""Writes the software bill of materials of an image (CycloneDX JSON) from its installed Python distributions.

Source of the format: CycloneDX 1.6 (ECMA-424). For system packages of the base image see ECR's scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

# Python code that runs inside an image, which may have no pip.
INSIDE = """
import json
from importlib.metadata import distributions
print(json.dumps({one.metadata["Name"]: one.version for one in distributions()}))
"""


def file_name(image: str) -> str:
    """Name of the SBOM file of `image`, in the folder of images.json."""
    return f"sbom-{image}.cdx.json"


def render(image: str, uri: str, version: str, distributions: Mapping[str, str]) -> str:
    """The CycloneDX document of one image.

    Args:
        image: name of the image.
        uri: its URI by digest, from which the serial number of the document is derived.
        version: version of the image.
        distributions: versions of the Python distributions inside, by name.
    """
    container = Component(name=image, version=version, type=ComponentType.CONTAINER, bom_ref=uri)
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, uri))
    bom.metadata.component = container
    bom.components.update(component(name, installed) for name, installed in distributions.items())
    bom.register_dependency(container, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def component(name: str, version: str) -> Component:
    """The entry of one Python distribution."""
    purl = PackageURL("pypi", None, name, version)
    return Component(name=name, version=version, purl=purl, bom_ref=purl.to_string())
