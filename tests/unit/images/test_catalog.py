import re
from pathlib import Path

import pytest

from images.catalog import Catalog, domain, registry

ROOT = Path(__file__).parents[3]


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.read()


def test_every_image_has_its_target_its_requirements_and_its_package(catalog: Catalog) -> None:
    for name in catalog.names():
        assert (ROOT / "images" / catalog.package(name) / "requirements.txt").is_file()
        assert (ROOT / catalog.package(name) / "__main__.py").is_file()
    targets = re.findall(r"^FROM shared AS (\w+)$", (ROOT / "images" / "Dockerfile").read_text(), re.MULTILINE)
    assert sorted(targets) == sorted({catalog.package(name) for name in catalog.names()})
    # A target's program is the package of its name.
    programs = re.findall(
        r'^ENTRYPOINT \["python", "-m", "(\w+)"\]$', (ROOT / "images" / "Dockerfile").read_text(), re.M
    )
    assert programs == targets


def test_repository_names_contain_sagemaker_for_managed_policies(catalog: Catalog) -> None:
    assert all("sagemaker" in catalog.field(name, "repository") for name in catalog.names())


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "763104351884.dkr.ecr.us-east-1.amazonaws.com"),
        ("me-south-1", "217643126080.dkr.ecr.me-south-1.amazonaws.com"),
        ("cn-north-1", "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "442386744353.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "886529160074.dkr.ecr.us-iso-east-1.c2s.ic.gov"),
        ("ap-southeast-5", "550225433462.dkr.ecr.ap-southeast-5.amazonaws.com"),
        ("ap-southeast-6", "633930458069.dkr.ecr.ap-southeast-6.amazonaws.com"),
        ("ap-east-2", "975050140332.dkr.ecr.ap-east-2.amazonaws.com"),
        ("ap-southeast-7", "590183813437.dkr.ecr.ap-southeast-7.amazonaws.com"),
        ("mx-central-1", "637423239942.dkr.ecr.mx-central-1.amazonaws.com"),
    ],
)
def test_the_containers_registry_of_a_region(catalog: Catalog, region: str, host: str) -> None:
    assert registry(catalog.content["registries"], region) == host
    assert catalog.base("training", "dlc", region).startswith(f"{host}/huggingface-pytorch-training:")
    assert domain(region) in host


def test_standins_need_no_registry(catalog: Catalog) -> None:
    assert {catalog.base(name, "standin", "us-east-1") for name in catalog.names()} == {
        "huggingface-standin:training",
        "huggingface-standin:inference",
    }


def test_the_next_generation_has_its_own_bases_and_the_released_ones_for_the_rest(catalog: Catalog) -> None:
    assert "transformers5.13.1" in catalog.reference("training", "dlc-next")
    assert catalog.reference("inference", "dlc-next") == catalog.reference("inference", "dlc")
    assert catalog.reference("inference", "standin-next") == catalog.reference("inference", "standin")


def test_the_image_for_cpus_has_a_base_without_cuda(catalog: Catalog) -> None:
    assert catalog.package("inference-cpu") == "inference"
    assert "-cpu-" in catalog.base("inference-cpu", "dlc", "us-east-1")
    assert "-cu" not in catalog.base("inference-cpu", "dlc", "us-east-1").replace("-cpu-", "")
