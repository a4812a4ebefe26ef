import re

from app.core.ids import new_client_order_id, new_id, new_token


def test_ids_made_later_sort_later() -> None:
    ids = [new_id() for _ in range(100)]

    assert ids == sorted(ids)


def test_client_order_id_is_one_that_every_venue_accepts() -> None:
    ids = {new_client_order_id() for _ in range(100)} | {new_client_order_id("entry12")}

    assert len(ids) == 101
    assert all(re.fullmatch(r"[a-z][a-z0-9]{0,31}", one) for one in ids)


def test_token_is_long_and_safe_in_a_path() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", new_token())
