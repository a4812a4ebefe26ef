"""What can go wrong, by what the caller should do about it.

AppError
 ├ Invalid             the request makes no sense                drop
 ├ Unauthenticated     nobody is logged in                       log in
 ├ Forbidden           known, not allowed                        drop
 ├ NotFound            not there, or not yours                   drop
 ├ Conflict            the row's status does not allow it        skip
 │  ├ InvalidTransition
 │  ├ Duplicate
 │  └ KeyInUse        the first request with this key still runs    wait
 ├ KeyReused           the key stands for another request        take a new key
 ├ TooLarge            the body is over the limit                drop
 ├ TooSlow             the body did not arrive in time           try again
 ├ TooMany             slow down                                 wait
 ├ Denied              our own rules say no                      signal → denied
 ├ Unavailable         not now                                   try again
 └ ExchangeError       the outside world
    ├ Retryable        nothing was accepted; try again
    ├ RateLimited      nothing was accepted; back off
    ├ InsufficientFunds nothing was accepted; deny
    ├ OrderRefused     nothing was accepted; reject
    ├ OrderNotFound    the venue does not know the order
    ├ AuthRefused      the venue refuses the key; disable the account
    └ OutcomeUnknown   it may have been accepted: reconcile, never resend

HTTP numbers are in `app/http/errors.py` and nowhere else.
"""


class AppError(Exception):
    """Root of everything this program raises on purpose.

    Args:
        detail: a sentence for a person: what was wrong, and where.
        code: a stable word for a program; the class's own when left out.
    """

    code = "error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class Invalid(AppError):
    """The request makes no sense, whatever the state."""

    code = "invalid"


class Unauthenticated(AppError):
    """No valid credential came with the request."""

    code = "unauthenticated"


class Forbidden(AppError):
    """The caller is known and may not do this."""

    code = "forbidden"


class NotFound(AppError):
    """Not there, or not the caller's."""

    code = "not_found"


class Conflict(AppError):
    """The row exists but its state does not allow this."""

    code = "conflict"


class InvalidTransition(Conflict):
    """The move table does not allow this move."""

    code = "invalid_transition"


class Duplicate(Conflict):
    """There is one already."""

    code = "duplicate"


class KeyInUse(Conflict):
    """An earlier request with the same `Idempotency-Key` has not been answered yet.

    Args:
        detail: what is under way.
        retry_after_seconds: when it may be tried again.
    """

    code = "idempotency_key_in_use"

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class KeyReused(AppError):
    """The `Idempotency-Key` was sent with another request before."""

    code = "idempotency_key_reused"


class TooLarge(AppError):
    """The body is larger than we take."""

    code = "too_large"


class TooSlow(AppError):
    """The body did not arrive in the time it has."""

    code = "too_slow"


class TooMany(AppError):
    """Too many requests in too short a time.

    Args:
        detail: what is too much.
        code: as of every error.
        retry_after_seconds: when it may be tried again.
    """

    code = "too_many"

    def __init__(
        self, detail: str, *, code: str | None = None, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(detail, code=code)
        self.retry_after_seconds = retry_after_seconds


class Denied(AppError):
    """Our own risk rules refuse it; `code` names the rule."""

    code = "denied"


class Unavailable(AppError):
    """It cannot be done at this moment and may be later."""

    code = "unavailable"


class ExchangeError(AppError):
    """The venue, or the way to it, failed."""

    code = "exchange_error"


class Retryable(ExchangeError):
    """Nothing was accepted; the same request may be tried again."""

    code = "exchange_unavailable"


class RateLimited(ExchangeError):
    """Nothing was accepted; everyone on this address should slow down."""

    code = "exchange_rate_limited"


class InsufficientFunds(ExchangeError):
    """Nothing was accepted: the account cannot pay for it."""

    code = "insufficient_funds"


class OrderRefused(ExchangeError):
    """Nothing was accepted: the venue refuses the order; `detail` has its words."""

    code = "order_refused"


class OrderNotFound(ExchangeError):
    """The venue does not know the order. Alone, this is no proof that it never will."""

    code = "order_not_found"


class AuthRefused(ExchangeError):
    """The venue refuses the key."""

    code = "exchange_auth_refused"


class OutcomeUnknown(ExchangeError):
    """The order may or may not have been accepted. Look it up by its client id; never resend."""

    code = "outcome_unknown"
