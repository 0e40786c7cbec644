"""budget-gate: has this month's Claude API spend breached a budget? The answer, in CI."""

__version__ = "0.1.0"
