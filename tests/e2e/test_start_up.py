"""What keeps the server from starting is said in one line, with status 2 and no traceback."""

import socket
from pathlib import Path

import pytest

from tests.e2e.processes import Program
from tests.programs.starting import ColdStarts, Launcher, free_port


async def refuse(folder: Path, starts: Launcher, **settings: str) -> str:
    """Start it with settings that cannot work; the line it leaves."""
    values = {
        "PORT": str(free_port()),
        "DATA_DIR": str(folder / "data"),
        "LOG_DIR": str(folder / "logs"),
        **settings,
    }
    program = await Program(folder, starts, settings=values).start()
    assert await program.ended(30) == 2, program.said
    assert "Traceback" not in program.said
    lines = [line for line in program.said.splitlines() if line.strip()]
    assert len(lines) == 1, program.said
    return lines[0]


async def test_a_start_when_the_port_is_taken_then_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        cold = ColdStarts()
        line = await refuse(tmp_path, cold, PORT=port)
        cold.close()

    assert port in line
    assert "PORT" in line


async def test_a_start_when_the_data_folder_is_a_file_then_says_so(
    tmp_path: Path, warm: Launcher
) -> None:
    place = tmp_path / "not-a-folder"
    place.touch()

    line = await refuse(tmp_path, warm, DATA_DIR=str(place))

    assert "DATA_DIR" in line
    assert str(place) in line


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "oracle://somewhere/db",
        "postgresql+asyncpg://nobody:hidden-word@127.0.0.1:1/none",
    ],
)
async def test_a_start_when_the_database_cannot_be_had_then_says_so(
    tmp_path: Path, warm: Launcher, url: str
) -> None:
    line = await refuse(tmp_path, warm, DATABASE_URL=url)

    assert "DATABASE_URL" in line
    assert "hidden-word" not in line


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "eighty"), ("WEBHOOK_ALLOWED_IPS", "somewhere")]
)
async def test_a_start_when_a_setting_makes_no_sense_then_names_it(
    tmp_path: Path, warm: Launcher, name: str, value: str
) -> None:
    line = await refuse(tmp_path, warm, **{name: value})

    assert name in line.upper()
