"""Who somebody is: the password, and the code where the user has an authenticator app."""

from dataclasses import dataclass, field
from datetime import datetime

from app.accounts import passwords, repository, second_factor
from app.accounts.guesses import Guess, Guesses
from app.accounts.keys import KeyRing
from app.accounts.models import User
from app.core.errors import Unauthenticated
from app.core.origin import current_origin
from app.db.session import Database


@dataclass(frozen=True, slots=True)
class Sent:
    """What somebody sends to show who they are."""

    password: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Checks what was sent; whatever is wrong counts as a guess.

    Hashing takes a tenth of a second and SQLite has one writer, so nothing is held meanwhile.
    """

    database: Database
    ring: KeyRing

    async def check(
        self, username: str, sent: Sent, *, now: datetime, is_code_enough: bool = False
    ) -> User:
        """The user, once all that they need to send was right.

        Args:
            username: in any case.
            sent: the password, and the code of a user whose codes are on.
            now: time of the attempt.
            is_code_enough: for who is logged in already: of a user whose codes are on the code
                alone, of any other the password.

        Raises:
            Unauthenticated: `bad_credentials`, whether the user or the password is wrong;
                `totp_required` when a code is missing, `totp_wrong` when it is wrong or was used.
            TooMany: something was wrong too often of late; it is not even looked at.
        """
        guess = Guess(username, current_origin().source)
        guesses = Guesses(self.database)
        await guesses.admit(guess, now=now)
        async with self.database.read() as session:
            user = await repository.user_named(session, username)
        needs_code = user is not None and user.totp_since is not None
        if not (needs_code and is_code_enough):
            user = await self._with_password(user, sent.password or "")
        if user is None:
            raise bad_credentials()
        if needs_code and not sent.code:
            raise Unauthenticated("Send the code of your app as well.", code="totp_required")
        async with self.database.transaction() as session:
            is_right = not needs_code or await second_factor.take(
                session, self.ring, user, sent.code or "", now=now
            )
            if is_right:
                await guesses.succeeded(session, guess, now=now)
        if not is_right:
            raise Unauthenticated(
                "The code is wrong, or was used: wait for the next one.", code="totp_wrong"
            )
        return user

    async def _with_password(self, user: User | None, password: str) -> User | None:
        known_hash = user.password_hash if user is not None else None
        return user if await passwords.is_correct(known_hash, password) else None


def bad_credentials() -> Unauthenticated:
    """The one answer to a name, a key or a password that is wrong."""
    return Unauthenticated("Wrong name, key or password.", code="bad_credentials")
