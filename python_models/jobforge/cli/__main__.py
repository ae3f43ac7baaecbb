"""`python -m jobforge.cli`, the same as the command `jobforge`."""

from jobforge.cli import main

main()
