"""A notice as it is sent to its user's own address, and the signature that proves whose it is."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Final
from uuid import UUID

from app.core.clock import iso
from app.notifications.models import Notice, Severity

SIGNATURE: Final = "Signalbox-Signature"
NOTICE_ID: Final = "Signalbox-Notice-Id"


def body_of(notice: Notice) -> bytes:
    """What is sent: the notice as it reads now, which a repetition may have changed since."""
    return _body(
        notice_id=notice.id,
        severity=notice.severity,
        code=notice.code,
        subject_kind=notice.subject_kind,
        subject_id=notice.subject_id,
        text=notice.text,
        created_at=notice.created_at,
    )


def body_of_test(notice_id: UUID, user_id: UUID, now: datetime) -> bytes:
    """A notice that says nothing, to see whether notices arrive."""
    return _body(
        notice_id=notice_id,
        severity=Severity.INFO,
        code="test",
        subject_kind="user",
        subject_id=str(user_id),
        text="This is a test: your notices arrive here.",
        created_at=now,
    )


def headers_of(notice_id: UUID, body: bytes, secret: str, *, now: datetime) -> dict[str, str]:
    """What goes with it: the type, an id that stays the same, and the signature of this moment."""
    return {
        "Content-Type": "application/json",
        NOTICE_ID: str(notice_id),
        SIGNATURE: signature(body, secret, now=now),
    }


def signature(body: bytes, secret: str, *, now: datetime) -> str:
    """`t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 of `<seconds>.<body>` under the secret."""
    seconds = str(int(now.timestamp()))
    signed = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return f"t={seconds},v1={signed.hexdigest()}"


def _body(*, notice_id: UUID, created_at: datetime, **words: str) -> bytes:
    content = {"id": str(notice_id), **words, "created_at": iso(created_at)}
    return json.dumps(content, ensure_ascii=False).encode()
