"""The server that is measured: as `run.py`, but ccxt does not space out its requests."""

from app.core.startup import load_settings
from app.serve import serve

if __name__ == "__main__":
    serve(load_settings(), with_worker=True, is_rate_limited=False)
