"""The house rules find what breaks them, and nothing else."""

from pathlib import Path

import pytest

from scripts.check_rules import check

ASKS = "only app/http/outgoing.py asks other machines"


def broken(path: str, source: str) -> list[str]:
    return [sentence for _, sentence in check(Path(path), source)]


@pytest.mark.parametrize(
    "source",
    [
        "import aiohttp",
        "from aiohttp import ClientSession",
        "import httpx as client",
        "import urllib.request",
        "from urllib import request",
        "from http import client",
        "import http.client",
        "import smtplib",
        "def send() -> None:\n    from aiohttp import ClientSession",
        "asyncio.open_connection(host, 443)",
        "socket.create_connection((host, 443))",
        "loop.create_connection(protocol, host, 443)",
        "loop.sock_connect(one, (host, 443))",
    ],
)
def test_security_34_nobody_else_opens_a_client(source: str) -> None:
    assert broken("app/notifications/sending.py", source) == [ASKS]
    assert broken("app/http/outgoing_too.py", source) == [ASKS]
    assert broken("app/http/outgoing.py", source) == []
    assert broken("app/exchanges/client.py", source) == []
    assert broken("tests/e2e/site.py", source) == []


@pytest.mark.parametrize(
    "source", ["from urllib.parse import urlsplit", "from http import HTTPStatus", "import socket"]
)
def test_what_asks_nobody_is_free(source: str) -> None:
    assert broken("app/notifications/sending.py", source) == []


@pytest.mark.parametrize(
    ("path", "source", "sentence"),
    [
        ("app/desk/flow.py", "session.commit()", "only app/db/session.py commits"),
        ("app/desk/flow.py", "Decimal(0.1)", 'Decimal of a float literal: write Decimal("0.1")'),
        ("app/desk/flow.py", "relationship()", 'relationship() needs lazy="raise"'),
        ("app/desk/flow.py", "session.flush()", "say in a comment why this flush is needed"),
        (
            "tests/unit/test_x.py",
            "from unittest.mock import patch",
            "no unittest.mock: write a fake, see tests/fakes",
        ),
    ],
)
def test_a_broken_rule_is_named(path: str, source: str, sentence: str) -> None:
    assert broken(path, source) == [sentence]
