"""Messages between this server and a process that it has started: a length, then a pickle.

Both ends are this program, of the same version and user, over pipes that nobody else has: a pickle
from there is no more to be feared than an import.
"""

import asyncio
import pickle
import struct
from typing import Any, BinaryIO, Final

_LENGTH: Final = struct.Struct(">Q")


def framed(message: object) -> bytes:
    """A message as it goes through a pipe."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def read(pipe: BinaryIO) -> Any:
    """The next message.

    Raises:
        EOFError: the other end has closed the pipe, or died in the middle of a message.
    """
    [length] = _LENGTH.unpack(_whole(pipe, _LENGTH.size))
    return pickle.loads(_whole(pipe, length))  # noqa: S301 see above


async def receive(pipe: asyncio.StreamReader) -> Any:
    """The next message.

    Raises:
        EOFError: as `read`; `asyncio.IncompleteReadError` is one.
    """
    [length] = _LENGTH.unpack(await pipe.readexactly(_LENGTH.size))
    return pickle.loads(await pipe.readexactly(length))  # noqa: S301 see above


def _whole(pipe: BinaryIO, length: int) -> bytes:
    found = pipe.read(length)
    if len(found) < length:
        raise EOFError
    return found
