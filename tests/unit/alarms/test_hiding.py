"""The text of an alert without its token, and as long as before."""

import pytest

from app.core.ids import new_token
from app.pipeline.alarms.hiding import hide_tokens
from app.pipeline.alarms.service import Reading
from app.strategies.service import token_digest

TOKEN = new_token()
DIGESTS = frozenset({token_digest(TOKEN), token_digest(new_token())})


@pytest.mark.parametrize(
    "text",
    ['{"secret":"%"}', '{"%":1}', "%", "buy %\nsell %", "{{%}}", "secret=%;", "@%:", "ü%ü"],
)
def test_security_32_the_token_is_crossed_out_wherever_it_stands(text: str) -> None:
    body = text.replace("%", TOKEN).encode()

    hidden = hide_tokens(body, DIGESTS)

    assert hidden == text.replace("%", "x" * 39 + TOKEN[-4:]).encode()


@pytest.mark.parametrize(
    "word",
    [new_token(), TOKEN + "a", "a" + TOKEN, "a" * 43],
    ids=["another", "longer", "longer in front", "plain"],
)
def test_other_words_of_that_length_stay_for_an_id_may_be_one(word: str) -> None:
    body = f'{{"id":"{word}"}}'.encode()

    assert hide_tokens(body, DIGESTS) == body


def test_security_32_no_refusal_repeats_the_token() -> None:
    body = f'{{"symbol":"BTCUSDT","action":"{TOKEN}"}}'.encode()

    refusal = Reading.of(body, hiding=DIGESTS).refusal

    assert refusal is not None
    assert TOKEN[:-4] not in refusal.detail
    assert "xxxx" in refusal.detail
