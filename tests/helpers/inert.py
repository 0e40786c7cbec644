"""All that a run shows, and whether a third party's text is no more than text in it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.markup import assert_own_structure, kinds, tables
from tests.helpers.reports import HOSTILE
from tests.helpers.runner import OUTPUT_NAMES, read_commands, read_outputs
from tests.helpers.running import AS_OF, Here, Run
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI

PLAIN = "research"


EVIL = (*(text for text in HOSTILE if text.strip()), "${{ github.token }}\n::set-env name=A::b")


@dataclass(frozen=True)
class Shown:
    """Everything that a step of GitHub Actions shows of a run, or hands on."""

    run: Run
    summary: str
    output: str
    report: str

    @property
    def commands(self) -> list[tuple[str, dict[str, str], str]]:
        """The commands that the runner finds in the log, all of which are to be our own."""
        lines = [
            line
            for line in (self.run.stdout + "\n" + self.run.stderr).splitlines()
            if line.lstrip().startswith("::")
        ]
        return read_commands("\n".join(lines))


def content(path: Path) -> str:
    """What stands in a file, if there is one; it is taken away, so that the next run starts anew."""
    text = path.read_bytes().decode() if path.exists() else ""
    path.unlink(missing_ok=True)
    return text


def shown(here: Here, api: LoopbackAPI, *flags: str, policy: str | None = None) -> Shown:
    """What a check against an API shows."""
    run = here.check(api, *AS_OF, "--report", "report.json", *flags, policy=policy)
    return left_by(run, here)


def left_by(run: Run, here: Here) -> Shown:
    """What a run shows, with the files that it left as a step."""
    around = here.program.folder.parent
    return Shown(
        run,
        content(around / "summary.md"),
        content(around / "output"),
        content(here.program.folder / "report.json"),
    )


# No text at all for JSON: such a name never gets past the answer it came in.
SURROGATE = "\ud800 alone"


def way_id(value: object) -> str:
    """The name of a way, or the beginning of a text."""
    return getattr(value, "__name__", ascii(value)[:24])


def assert_inert(seen: Shown) -> None:
    """Fails where anything of a run is more than what budget-gate itself says."""
    log = seen.run.stdout + seen.run.stderr
    # The runner looks for this one in what begins with no command of the other kind.
    assert not [line for line in log.splitlines() if "##[" in line and not line.startswith("::")]
    assert log.replace("\n", "").isprintable()
    assert [name for name, _, _ in seen.commands].count("add-mask") == 1
    for name, properties, _ in seen.commands[1:]:
        assert name in ("error", "warning")
        assert properties.keys() <= {"file", "line", "col", "title"}
        assert properties["title"].startswith("budget-gate")
    assert_own_structure(seen.summary)
    for table in tables(seen.summary):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert seen.summary.replace("\n", "").isprintable()
    assert read_outputs(seen.output).keys() <= set(OUTPUT_NAMES)
    for shown_text in (seen.run.stdout, seen.summary, seen.output, seen.report):
        assert EXAMPLE_KEY not in shown_text
    assert EXAMPLE_KEY not in re.sub("^::add-mask::.*$", "", seen.run.stderr, flags=re.MULTILINE)


def _untitled(command: tuple[str, dict[str, str], str]) -> tuple[str, dict[str, str]]:
    """A command without its message, and without its title, which names the budget."""
    name, properties, _ = command
    return name, {key: value for key, value in properties.items() if key != "title"}


def assert_alike(seen: Shown, ordinary: Shown, text: str) -> None:
    """Fails where a text makes more of a difference than its own place."""
    assert seen.run.code == ordinary.run.code
    assert list(map(_untitled, seen.commands)) == list(map(_untitled, ordinary.commands))
    assert kinds(seen.summary) == kinds(ordinary.summary)
    told, expected = read_outputs(seen.output), read_outputs(ordinary.output)
    for name in ("breached", "not-enforced"):
        ids, expected_ids = json.loads(told.pop(name)), json.loads(expected.pop(name))
        assert [id_.replace(text, PLAIN) for id_ in ids] == expected_ids
    for name in ("breached-names", "headline"):
        told.pop(name)
        expected.pop(name)
    assert told == expected
