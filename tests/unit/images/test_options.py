"""The options of build.sh; tests/unit/images/test_build.py has those that are refused."""

from __future__ import annotations

from images.catalog import Catalog
from images.options import parse, parser

CATALOG = Catalog.read()


def test_without_names_all_images_are_built() -> None:
    options = parse([], {}, CATALOG)
    assert options.images == tuple(CATALOG.names())
    assert (options.base, options.region, options.is_standin) == ("dlc", "us-east-1", False)
    assert parse(["--base", "standin-next"], {}, CATALOG).is_standin


def test_an_image_that_is_named_twice_is_built_once() -> None:
    assert parse(["inference", "training", "inference"], {}, CATALOG).images == ("inference", "training")


def test_a_registry_may_have_a_port_and_a_path() -> None:
    assert parse(["--registry", "r.local:5000/ml/team_a"], {}, CATALOG).registry == "r.local:5000/ml/team_a"


def test_an_empty_variable_of_the_region_is_none() -> None:
    assert parse([], {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1"}, CATALOG).region == "eu-west-1"


def test_every_option_has_its_help() -> None:
    assert [action.dest for action in parser({}, CATALOG)._actions if not action.help] == []
