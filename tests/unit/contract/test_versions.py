from contract import __version__
from contract.versions import versions


def test_the_image_and_installed_libraries_are_named_and_absent_ones_left_out() -> None:
    found = versions(["numpy", "no-such-distribution"])
    assert found["image"] == __version__
    assert set(found) == {"image", "python", "numpy"}
