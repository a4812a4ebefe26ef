"""Start Signalbox: `run.py`, `run.py api`, `run.py worker`, `run.py paper-exchange`."""

from app.cli import start

if __name__ == "__main__":
    start()
