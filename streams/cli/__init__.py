"""The command line: `asahi up`, `submit`, `infer`, `status` and the rest; one file per command."""

from streams.cli.app import main

__all__ = ["main"]
