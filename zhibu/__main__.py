"""Lets ``python -m zhibu`` do what ``zhibu`` does."""

from zhibu.cli import main

main()
