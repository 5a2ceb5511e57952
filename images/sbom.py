"""Writes the software bill of materials of an image (CycloneDX JSON) from its installed Python distributions.

Source of the format: CycloneDX 1.6 (ECMA-424). For system packages of the base image see ECR's scan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

# Python code that runs inside an image, which may have no pip: the fields of Distribution, as JSON.
INSIDE = """
import hashlib, json
from importlib.metadata import distributions
found = []
for one in distributions():
    fields, record = one.metadata, one.read_text("RECORD")
    names = [line.split(" :: ")[-1] for line in fields.get_all("Classifier") or () if line.startswith("License :: ")]
    text = (fields.get("License") or "").strip()
    found.append({
        "name": fields["Name"],
        "version": one.version,
        "license": fields.get("License-Expression") or (text if 0 < len(text) < 80 else " AND ".join(names)),
        "record": hashlib.sha256(record.encode()).hexdigest() if record else "",
    })
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Distribution:
    """An installed Python distribution.

    Attributes:
        license: its licence, as an SPDX expression or a name; empty where its metadata has none.
        record: SHA-256 of its RECORD file, which lists the SHA-256 of each of its files; empty without one.
    """

    name: str
    version: str
    license: str = ""
    record: str = ""


def file_name(image: str) -> str:
    """Name of the SBOM file of `image`, in the folder of images.json."""
    return f"sbom-{image}.cdx.json"


def render(image: str, uri: str, version: str, distributions: Iterable[Distribution]) -> str:
    """The CycloneDX document of one image.

    Args:
        image: name of the image.
        uri: its URI by digest, from which the serial number of the document is derived.
        version: version of the image.
        distributions: the Python distributions inside.
    """
    container = Component(name=image, version=version, type=ComponentType.CONTAINER, bom_ref=uri)
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, uri))
    bom.metadata.component = container
    bom.components.update(component(distribution) for distribution in distributions)
    bom.register_dependency(container, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def component(distribution: Distribution) -> Component:
    """The entry of one Python distribution."""
    purl = PackageURL("pypi", None, distribution.name, distribution.version)
    licences = [LicenseFactory().make_from_string(distribution.license)] if distribution.license else []
    digests = [HashType(alg=HashAlgorithm.SHA_256, content=distribution.record)] if distribution.record else []
    return Component(
        name=distribution.name,
        version=distribution.version,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=licences,
        hashes=digests,
    )
