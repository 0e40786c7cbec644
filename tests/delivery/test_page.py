"""The page in its folder: nothing of it is a credential, whoever wrote that there."""

from datetime import date
from pathlib import Path

from budget_gate.delivery.page import publish_page
from budget_gate.domain.figures import figures
from budget_gate.domain.notes import Note
from budget_gate.settings import Settings
from tests.helpers.reports import make_budget, make_report
from tests.helpers.web_page import make_row
from tests.world.loopback import EXAMPLE_KEY

DAY = date(2026, 11, 22)


def test_credentials_are_blotted_out(tmp_path: Path) -> None:
    """In names, which figures and budgets have, in ids and in notes; also where a script reads them."""
    settings = Settings.read({"ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY})
    found = figures([make_row(DAY, EXAMPLE_KEY, EXAMPLE_KEY)], {EXAMPLE_KEY: EXAMPLE_KEY}, [DAY])
    report = make_report(
        "breached",
        make_budget(EXAMPLE_KEY, "12", status="breached"),
        notes=(Note("info", "note", EXAMPLE_KEY),),
    )
    page = publish_page(found, report, "budget.yml", str(tmp_path), settings)
    text = page.read_text(encoding="utf-8")
    assert EXAMPLE_KEY not in text
    assert text.count("***") >= 5
