"""`python -m camnoise` is the `camnoise` command."""

from .cli import main

main()
