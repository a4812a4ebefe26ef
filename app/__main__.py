"""`python -m app`: the commands of an installation."""

from app.cli import commands

if __name__ == "__main__":
    commands()
