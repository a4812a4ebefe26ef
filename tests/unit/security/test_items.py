"""What can be told from the code itself: bodies, statements, packages, and the page's list."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from litestar.routes import WebSocketRoute

import app.main
from app.accounts.login_schemas import CredentialsIn, InviteIn, PersonChange
from app.http.schemas import In
from tests import security_table
from tests.security_table import kept, questions

ROOT = Path(__file__).parents[3]
PAGE = security_table.PAGE.read_text(encoding="utf-8")
# What no body may say of a row: it is worked out, or belongs to who is logged in.
NEVER_SENT = {
    *("id", "user_id", "role", "status", "state", "decided_by"),
    *("pnl", "realized_pnl", "unrealized_pnl", "fees", "filled_quantity", "average_price"),
    *("token_digest", "secret_digest", "password_hash", "credentials", "client_order_id"),
    *("exchange_order_id", "created_at", "updated_at", "received_at", "deliveries"),
}
# An admin says what somebody may do.
BY_ADMINS: set[type[In]] = {InviteIn, PersonChange}
# An OAuth2 client adds `grant_type` and the like to a login.
IGNORING: set[type[In]] = {CredentialsIn}
EXECUTING = {"text", "exec_driver_sql"}
WRITTEN = re.compile(r"def test_security_(\d\d)_")


def bodies(kind: type[In] = In) -> Iterator[type[In]]:
    for body in kind.__subclasses__():
        yield body
        yield from bodies(body)


def test_security_03_no_body_takes_a_field_that_is_not_its_senders_to_set() -> None:
    assert app.main.ROUTERS
    found = set(bodies())

    lax = {body for body in found if body.model_config.get("extra") != "forbid"}
    too_much = {
        f"{body.__name__}.{name}"
        for body in found - BY_ADMINS
        for name in NEVER_SENT & body.model_fields.keys()
    }

    assert len(found) > 20
    assert lax == IGNORING
    assert too_much == set()


def test_security_14_every_websocket_asks_who_opens_it() -> None:
    sockets = [
        route
        for router in app.main.ROUTERS
        for route in router.routes
        if isinstance(route, WebSocketRoute)
    ]

    assert [route.path for route in sockets] == ["/prices/ws"]
    assert [route.path for route in sockets if route.route_handler.opt.get("public")] == []


def test_security_19_no_statement_is_put_together_from_text() -> None:
    wrong = []
    for file in sorted((ROOT / "app").rglob("*.py")):
        if "migrations" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            is_built = isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
            if name in EXECUTING and is_built:
                wrong.append(f"{file.relative_to(ROOT)}:{node.lineno}")

    assert wrong == []


def test_security_39_every_package_is_pinned_with_its_hashes() -> None:
    files = sorted(ROOT.glob("requirements*.txt"))
    assert len(files) == 5
    for file in files:
        text = file.read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

        assert lines
        assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []

    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert [name for name, one in packages.items() if "sha512-" not in one["integrity"]] == []


def test_the_page_says_of_each_item_whether_it_is_tested_and_is_right() -> None:
    asked = questions(PAGE)
    written = {
        int(number)
        for file in (ROOT / "tests").rglob("*.py")
        for number in WRITTEN.findall(file.read_text(encoding="utf-8"))
    }

    assert sorted(asked) == list(range(1, 41))
    assert {number for number, one in asked.items() if one.verdict == "tested"} == written


def test_the_page_keeps_results_of_tested_items_alone_and_none_that_failed() -> None:
    results = kept(PAGE)
    tested = {number for number, one in questions(PAGE).items() if one.verdict == "tested"}

    assert results.keys() <= tested
    assert [number for number, (cases, passed, _, _) in results.items() if cases != passed] == []
    assert results[33][0] >= 40
    assert tried(results[6][3], "forged tokens") >= 500
    assert tried(results[1][3], "routes by callers") >= 500


def tried(words: str, what: str) -> int:
    found = re.search(rf"([\d,]+) {what}", words)
    return int(found[1].replace(",", "")) if found else 0
