"""`explain`: what an alert means, without a server and without consequences."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.commands.telling import FAILED, telling
from app.core.clock import iso
from app.core.decimals import plain
from app.core.errors import Invalid
from app.pipeline.alarms.meaning import Meaning, Problem, Unreadable
from app.pipeline.alarms.reading import understand
from app.pipeline.alarms.sentences import sentence
from app.pipeline.alarms.service import MAX_BYTES

SHOWN_AROUND = 30


@click.command()
@click.argument("file")
@telling
def explain(file: str) -> None:
    """Say what Signalbox understands of the alert in FILE (- is standard input).

    What an open position makes of it is not known here: a plain buy against a short closes it.
    The exit status is 2 when the alert would be refused.
    """
    body = _read(file)
    console = Console(highlight=False, soft_wrap=True)
    try:
        meaning = understand(body)
    except Unreadable as refused:
        _show_refusal(console, body, refused)
        sys.exit(FAILED)
    _show(console, meaning)


def _read(file: str) -> bytes:
    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Invalid(f"{file}: {error.strerror}", code="unreadable_file") from None
    if len(body) > MAX_BYTES:
        raise Invalid(f"{file}: {len(body)} bytes; an alert has at most {MAX_BYTES}.")
    return body


def _show(console: Console, meaning: Meaning) -> None:
    for intent in meaning.intents:
        console.print(f"[bold green]{escape(sentence(intent))}[/]")
    facts = Table.grid(padding=(0, 2))
    rows = (
        ("format", meaning.dialect),
        ("made at", None if meaning.alert_at is None else iso(meaning.alert_at)),
        ("price seen", None if meaning.reference_price is None else plain(meaning.reference_price)),
        ("its id", meaning.alert_id),
        ("order in the script", meaning.order_id),
        ("secret in the body", "yes" if meaning.secret else None),
    )
    for name, value in rows:
        if value is not None:
            facts.add_row(f"[dim]{name}[/]", escape(value))
    console.print(facts)
    for problem in meaning.problems:
        console.print(f"[yellow]note {problem.code}:[/] {escape(problem.detail)}")


def _show_refusal(console: Console, body: bytes, refused: Unreadable) -> None:
    problem = refused.problem
    console.print(f"[bold red]refused {problem.code}:[/] {escape(problem.detail)}")
    if refused.dialect is not None:
        console.print(f"[dim]read as {escape(refused.dialect)}[/]")
    excerpt = _excerpt(body.decode("utf-8", "replace"), problem)
    if excerpt:
        console.print(excerpt, markup=False)
    console.print("[dim]Every code and what to do about it: docs/alerts.md[/]")


def _excerpt(text: str, problem: Problem) -> str:
    """The place in the text, with a mark under it; empty when it has no place."""
    if problem.position is None:
        return ""
    begin = text.rfind("\n", 0, problem.position) + 1
    begin = max(begin, problem.position - SHOWN_AROUND)
    end = text.find("\n", problem.position)
    end = min(len(text) if end < 0 else end, problem.position + SHOWN_AROUND)
    return f"  {text[begin:end]}\n  {' ' * (problem.position - begin)}^ here"
