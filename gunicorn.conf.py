"""API processes for production: `gunicorn app.serve:api`, beside `run.py worker`.

Start it in the folder of run.py. The number of processes is WEB_CONCURRENCY (2). They share one
database and need PAPER_URL; the worker guards positions and sends orders, in its own process.
"""

import os
import subprocess
import sys
from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker

from app.core.errors import AppError
from app.core.startup import load_settings
from app.http.serving import GRACE_SECONDS, MESSAGE_BYTES, PromptHttp, PromptSocket

try:
    settings = load_settings()
except AppError as error:
    sys.exit("\n".join(f"signalbox: {line}" for line in error.detail.splitlines()))


class ApiWorker(UvicornWorker):  # type: ignore[misc]  # uvicorn_worker has no types
    """Uvicorn as `run.py` runs it; proxies are judged by ourselves (TRUSTED_PROXIES)."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": PromptHttp,
        "ws": PromptSocket,
        "ws_max_size": MESSAGE_BYTES,
        "ws_per_message_deflate": False,
        "lifespan": "on",
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
    }


bind = f"{settings.host}:{settings.port}"
worker_class = ApiWorker
workers = int(os.getenv("WEB_CONCURRENCY", "2"))
graceful_timeout = GRACE_SECONDS
timeout = 60
accesslog = None
control_socket_disable = True


def on_starting(_server: object) -> None:
    """Once, before the first process: migrate, and make the first admin.

    In a process of its own: threads started here would be missing in the forked ones.
    """
    done = subprocess.run([sys.executable, "run.py", "prepare"], check=False)
    if done.returncode:
        sys.exit(done.returncode)
