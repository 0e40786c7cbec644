"""Runs the command line as `python -m budget_gate`."""

import sys

from budget_gate.cli import main

sys.exit(main())
