"""An audit of list cost against billed cost as JSON."""

from decimal import Decimal
from typing import Any, Final

from budget_gate import __version__
from budget_gate.domain.billed.audit import Audit, AuditLine
from budget_gate.domain.bounds import exact
from budget_gate.domain.period import format_instant
from budget_gate.outputs.audit import explained
from budget_gate.outputs.audit_advice import percent
from budget_gate.outputs.escaping import dumped
from budget_gate.outputs.report.json import bounds_of

SCHEMA: Final = "budget-gate/audit/v1"


def render_audit_json(audit: Audit) -> str:
    """The audit as indented ASCII, with every line; amounts are strings of exact USD."""
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "status": audit.status,
        "as_of": format_instant(audit.as_of),
        "period": {
            "start": format_instant(audit.period.start),
            "end": format_instant(audit.period.end),
        },
        "settled_days": audit.settled_days,
        "totals": None
        if audit.status == "unverified"
        else {
            "list": bounds_of(audit.list_cost),
            "billed": exact(audit.billed),
            "drift": exact(audit.drift),
            "explained": {cause: exact(amount) for cause, amount in explained(audit)},
            "unexplained": exact(audit.unexplained),
        },
        "discount": _percent(audit.discount),
        "usual_discount": _percent(audit.usual),
        "model_discounts": [
            {"model": model, "discount": _percent(it)} for model, it in audit.discounts.items()
        ],
        "lines": [_json_line(line, audit) for line in audit.lines],
        "notes": [
            {"level": note.level, "code": note.code, "message": note.message}
            for note in audit.notes
        ],
    }
    return dumped(document, indent=2) + "\n"


def _json_line(line: AuditLine, audit: Audit) -> dict[str, Any]:
    part = line.part
    return {
        "day": str(part.day),
        "workspace": part.workspace,
        "workspace_name": audit.names.get(part.workspace),
        "cost_type": part.cost_type,
        "model": part.model,
        "list": bounds_of(line.list_cost),
        "billed": exact(line.billed),
        "drift": exact(line.drift),
        "explained": {cause: exact(amount) for cause, amount in line.causes},
        "unexplained": exact(line.unexplained),
        "beyond": line.is_beyond,
        "list_amount": None if line.list_amount is None else exact(line.list_amount),
        "list_drift": None if line.list_drift is None else exact(line.list_drift),
        "discount": _percent(line.discount),
        "differs": line.differs,
    }


def _percent(ratio: Decimal | None) -> str | None:
    return None if ratio is None else percent(ratio)
