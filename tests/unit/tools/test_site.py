"""Links of the site to files outside docs/."""

import pytest

from tools.site import DOCS, ROOT, relinked

PAGE = DOCS / "page.md"


def test_a_link_out_of_docs_becomes_a_link_to_the_repository() -> None:
    text = "see [build](../build.sh) and [guide](processing.md#labels)"
    expected = "see [build](https://host/team/jobs/blob/main/build.sh) and [guide](processing.md#labels)"
    assert relinked(text, PAGE, "https://host/team/jobs/") == expected


def test_without_a_repository_it_is_text() -> None:
    assert relinked("[build](../build.sh)", PAGE, "") == "build"


def test_a_link_to_a_folder_of_docs_is_a_link_to_the_repository() -> None:
    assert (
        relinked("[policies](policies)", PAGE, "https://host/r") == "[policies](https://host/r/blob/main/docs/policies)"
    )


def test_images_and_urls_are_unchanged() -> None:
    text = "![chain](images/chain.svg) [elsewhere](https://example.com/x.py)"
    assert relinked(text, PAGE, "https://host/r") == text


def test_a_dead_link_is_a_warning_which_ends_a_strict_build(caplog: pytest.LogCaptureFixture) -> None:
    relinked("[x](nowhere.md) [y](../build.sh)", PAGE, "")
    assert [(entry.levelname, "nowhere.md" in entry.message) for entry in caplog.records] == [("WARNING", True)]


def test_the_site_is_built_strictly() -> None:
    # With --quiet mkdocs --strict ignores warnings, since it counts logged ones only.
    command = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "mkdocs build" in line)
    assert "--strict" in command
    assert "--quiet" not in command
