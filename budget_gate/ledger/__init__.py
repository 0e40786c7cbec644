"""Counts what an application uses as it uses it: what the application imports."""

from budget_gate.errors import LedgerError
from budget_gate.ledger.asynchronous import AsyncHold, AsyncLedger
from budget_gate.ledger.guarding import BudgetExceeded
from budget_gate.ledger.synchronous import Hold, Ledger

__all__ = ["AsyncHold", "AsyncLedger", "BudgetExceeded", "Hold", "Ledger", "LedgerError"]
