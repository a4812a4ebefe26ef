import gzip
from pathlib import Path

import pytest

from app.screen.files import Screen

PAGE = b"<!doctype html><title>Signalbox</title>" * 20
SCRIPT = b"export const words = 'a signal box at night';" * 20


@pytest.fixture
def built(tmp_path: Path) -> Screen:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(PAGE)
    (tmp_path / "assets" / "main-1a2b.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "inter-3c4d.woff2").write_bytes(b"wOF2")
    (tmp_path / ".built-from").write_text("what the sources were")
    return Screen.read(tmp_path)


def test_a_folder_without_a_page_is_no_screen(tmp_path: Path) -> None:
    (tmp_path / "stray.js").write_bytes(SCRIPT)

    for folder in (tmp_path, tmp_path / "absent"):
        screen = Screen.read(folder)
        assert not screen.is_built
        assert screen.find("") is None
        assert screen.find("stray.js") is None


def test_files_are_found_by_their_path_with_what_they_are(built: Screen) -> None:
    script, font = built.find("/assets/main-1a2b.js"), built.find("assets/inter-3c4d.woff2")

    assert script is not None
    assert (script.content, script.media_type) == (SCRIPT, "text/javascript")
    assert script.zipped is not None
    assert gzip.decompress(script.zipped) == SCRIPT
    assert font is not None
    assert (font.zipped, font.media_type) == (None, "font/woff2")


def test_only_what_has_its_content_in_its_name_may_be_kept(built: Screen) -> None:
    assert {name: file.is_lasting for name, file in built.files.items()} == {
        "index.html": False,
        "assets/main-1a2b.js": True,
        "assets/inter-3c4d.woff2": True,
    }


@pytest.mark.parametrize("path", ["", "/", "positions", "positions/some/id", "login", "../secrets"])
def test_the_page_is_every_address_that_only_the_screen_knows(built: Screen, path: str) -> None:
    found = built.find(path)

    assert found is not None
    assert found.content == PAGE


@pytest.mark.parametrize("path", ["assets/main-old.js", "/assets/", "assets/../assets/x"])
def test_an_asset_that_is_gone_is_no_page(built: Screen, path: str) -> None:
    assert built.find(path) is None


def test_what_the_build_notes_for_itself_is_not_handed_out(built: Screen) -> None:
    found = built.find(".built-from")

    assert found is not None
    assert found.content == PAGE
