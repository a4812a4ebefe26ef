from app.core.errors import AppError, Denied, OutcomeUnknown, Retryable


def test_error_says_what_for_a_person_and_which_for_a_program() -> None:
    error = Denied("9.6 USDT, the minimum is 10", code="below_min_notional")

    assert (str(error), error.detail) == ("9.6 USDT, the minimum is 10",) * 2
    assert error.code == "below_min_notional"
    assert Denied("no").code == "denied"


def test_an_unknown_outcome_is_never_taken_for_one_to_retry() -> None:
    assert not issubclass(OutcomeUnknown, Retryable)
    assert issubclass(OutcomeUnknown, AppError)
