"""The operator's folder: what is in it, and what of it is refused."""

from pathlib import Path

import pytest

from app.algorithms.registry import SHIPPED
from app.core.errors import Invalid
from app.own_algorithms.faults import AlgorithmFault
from app.own_algorithms.guard import Patience
from app.own_algorithms.shelf import Shelf
from tests.integration.own_algorithms.files import PATIENT, keep, with_ways


async def test_one_bad_file_spoils_no_other(tmp_path: Path) -> None:
    with_ways(tmp_path, "good")
    keep(tmp_path, "typo", "import\n")
    keep(tmp_path, "raises", "def f():\n    return {}['key']\n\nf()\n")
    keep(tmp_path, "_helper", "raise SystemExit\n")
    shelf = Shelf(tmp_path, PATIENT)

    stock = await shelf.look()

    assert [one.name for one in stock.own] == ["good"]
    faults = {one.file: (one.code, one.cause) for one in stock.faults}
    assert faults == {
        "raises.py": ("algorithm_failed", "line 2: KeyError: 'key'"),
        "typo.py": ("algorithm_failed", "line 1: SyntaxError: invalid syntax"),
    }
    with pytest.raises(
        AlgorithmFault, match=r"raises\.py: The algorithm raises raised an error"
    ) as caught:
        async with shelf.opened("raises"):
            pass
    assert caught.value.in_full().detail.endswith(" line 2: KeyError: 'key'")


async def test_a_file_that_never_ends_is_refused_and_not_tried_again(tmp_path: Path) -> None:
    keep(tmp_path, "endless", "while True: pass\n")
    shelf = Shelf(tmp_path, Patience(load_seconds=2.0, start_seconds=120.0))

    [fault] = (await shelf.look()).faults
    [again] = (await shelf.look()).faults

    assert (fault.file, fault.code) == ("endless.py", "algorithm_stuck")
    assert again is fault
    with pytest.raises(AlgorithmFault, match=r"endless\.py: .* gave no answer in time"):
        async with shelf.opened("endless"):
            pass


async def test_a_file_is_run_again_only_when_it_has_changed(tmp_path: Path) -> None:
    path = with_ways(tmp_path, "good")
    shelf = Shelf(tmp_path, PATIENT)
    first = (await shelf.look()).own[0]

    again = (await shelf.look()).own[0]
    path.write_text(path.read_text().replace("Does as it is told.", "Does something else."))
    changed = (await shelf.look()).own[0]
    path.unlink()
    gone = await shelf.look()

    assert again is first
    assert first.facts.summary == "Does as it is told."
    assert changed.facts.summary == "Does something else."
    assert gone.own == ()


async def test_security_what_everybody_can_write_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "was run"
    folder = tmp_path / "algorithms"
    path = keep(folder, "loose", f"open({str(marker)!r}, 'w')\n")
    path.chmod(0o666)
    shelf = Shelf(folder, PATIENT)

    [of_file] = (await shelf.look()).faults
    path.chmod(0o644)
    folder.chmod(0o777)
    [of_folder] = (await shelf.look()).faults

    assert (of_file.file, of_file.code) == ("loose.py", "file_writable")
    assert (of_folder.file, of_folder.code) == ("algorithms", "folder_writable")
    assert "chmod o-w" in of_folder.detail
    assert not marker.exists()


async def test_names_are_the_files_and_none_is_taken_twice(tmp_path: Path) -> None:
    for name in ("macd", "Upper", "with-dash"):
        keep(tmp_path, name, "raise SystemExit\n")
    (tmp_path / "large.py").write_text("#" * (256 * 1024 + 1))

    stock = await Shelf(tmp_path, PATIENT).look()

    assert {one.file: one.code for one in stock.faults} == {
        "Upper.py": "bad_name",
        "large.py": "too_large",
        "macd.py": "name_taken",
        "with-dash.py": "bad_name",
    }


async def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "no folder")

    stock = await shelf.look()

    assert (stock.own, stock.faults) == ((), ())
    with pytest.raises(Invalid, match="no algorithm 'grid', but channel") as caught:
        async with shelf.opened("grid"):
            pass
    assert caught.value.code == "unknown_algorithm"


async def test_the_programs_own_algorithms_are_opened_by_their_names(tmp_path: Path) -> None:
    async with Shelf(tmp_path).opened("macd") as definition:
        assert definition is SHIPPED["macd"]


async def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    [fault] = (await Shelf(tmp_path / ("x" * 300)).look()).faults

    assert fault.code == "unreadable"
    assert fault.detail == "ALGORITHMS_DIR cannot be read: File name too long."
