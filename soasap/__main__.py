"""`python -m soasap` is the command `soasap`."""

from soasap.cli import main

main()
