"""`python -m skein`."""

from skein.cli import main

main()
