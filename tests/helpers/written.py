"""All that a run leaves behind, to look for what nothing of it may have."""

import os
from html import unescape

from tests.helpers.running import Here, Run

MASK = "::add-mask::"


def written(here: Here, run: Run) -> str:
    """What a run printed, and every file in its folder and beside it, as it stands and as a page would show it.

    In a step the commands that tell the runner what to hide are left out, as the runner shows none of them.
    """
    lines = f"{run.stdout}\n{run.stderr}".splitlines()
    if os.environ.get("GITHUB_ACTIONS"):
        lines = [line for line in lines if not line.startswith(MASK)]
    folder = here.program.folder.parent
    files = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    text = "\n".join([*lines, *(content.decode("utf-8", "replace") for content in files)])
    return f"{text}\n{unescape(text)}"
