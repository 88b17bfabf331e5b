"""`python -m streams.cli` is `asahi`."""

from streams.cli import main

main()
