"""The recipes of docs/recipes.md, docs/feed.md, docs/dashboard.md and docs/other-ci.md as they stand there: each step is run, and what it sends is seen.

`gh` is a stand-in that keeps what it is given; curl and git are real. When a step runs, and with which outputs of the
action, is seen end to end in tests/e2e.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from budget_gate.outputs.report.badge import render_badge
from tests.helpers.inert import SURROGATE
from tests.helpers.listening import calls, listening, put_gh
from tests.helpers.pages import BLOCKS, scripts
from tests.helpers.paths import ROOT
from tests.helpers.reports import HOSTILE, make_budget, make_report
from tests.helpers.runner import read_outputs
from tests.helpers.running import BREACHED, NOW, OK, ORGANIZATION, PRODUCTION, Here, installed
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI, Organization, Workspace
from tests.world.oracle import Usage

BASE, COMMENT = (
    block.text
    for block in BLOCKS
    if block.page == "docs/recipes.md" and block.text.startswith("name:")
)
RECIPES: dict[str, dict[str, Any]] = {
    step["name"]: step for text in scripts() for step in yaml.safe_load(text)
}
COMMENTING: dict[str, Any] = yaml.safe_load(COMMENT)["jobs"]["comment"]["steps"][-1]
(CHECK_OF_THE_POLICY,) = (it.text for it in BLOCKS if it.text.startswith("name: budget policy\n"))
(NIGHTLY,) = (it.text for it in BLOCKS if it.text.startswith("name: usage\n"))
KEEPING: list[dict[str, Any]] = yaml.safe_load(NIGHTLY)["jobs"]["sync"]["steps"]
(SHOWING_TEXT,) = (it.text for it in BLOCKS if it.text.startswith("name: dashboard\n"))
SHOWING: list[dict[str, Any]] = yaml.safe_load(SHOWING_TEXT)["jobs"]["page"]["steps"]
TAKING: dict[str, Any] = yaml.safe_load(CHECK_OF_THE_POLICY)["jobs"]["gate"]["steps"][1]
SLACK = RECIPES["Tell Slack"]
ISSUE = RECIPES["Keep an issue open while a budget is breached"]
ON_BRANCH = RECIPES["Publish the badge on the branch badges"]
IN_GIST = RECIPES["Publish the badge in a gist"]
HEARTBEAT = RECIPES["Say that the gate has run"]
KEEPALIVE = RECIPES["Keep the schedule from being disabled"]

# What GitHub fills in, but for what a test is about.
CONTEXT = {
    "github.token": "EXAMPLE-token",
    "github.server_url": "https://github.example",
    "github.repository": "OWNER/NAME",
    "github.run_id": "7",
    "github.run_attempt": "1",
    "github.base_ref": "main",
    "github.event.pull_request.number": "12",
}
RUN = "https://github.example/OWNER/NAME/actions/runs/7"


def filled(text: str, context: Mapping[str, str]) -> str:
    """A text with its expressions filled in as GitHub does it."""

    def value(expression: str) -> str:
        quoted = re.fullmatch(r"toJSON\((.+?) \|\| '(.+)'\)", expression)
        if quoted:
            return json.dumps(context.get(quoted[1]) or quoted[2])
        return context[expression]

    return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: value(found[1]), text)


@dataclass(frozen=True)
class Job:
    """A folder to run steps in, beside what they leave."""

    folder: Path

    def run(self, step: Mapping[str, Any], context: Mapping[str, str], found: str = "") -> str:
        """Runs a step's script, which must end well, and returns what it prints; `found` is the open issue."""
        given = {name: filled(text, {**CONTEXT, **context}) for name, text in step["env"].items()}
        assert "${{" not in step["run"]
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env={
                "PATH": f"{self.folder.parent / 'tools'}:{os.environ['PATH']}",
                "HOME": str(self.folder.parent),
                "RUNNER_TEMP": str(self.folder.parent / "temp"),
                "GITHUB_SERVER_URL": f"file://{self.folder.parent}",
                "GITHUB_REPOSITORY": "remote",
                "KEPT": str(self.folder.parent),
                "FOUND": found,
                **given,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    @property
    def program(self) -> Path:
        """Where workflows install the program."""
        return self.folder.parent / "temp" / "gate" / "bin" / "budget-gate"

    @property
    def called(self) -> list[list[str]]:
        """The arguments of each call of `gh`."""
        return calls(self.folder.parent)

    @property
    def body(self) -> str:
        """What the last call of `gh` was given to publish."""
        return (self.folder.parent / "body").read_text(encoding="utf-8")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose folder is empty."""
    for name in ("job", "tools", "temp"):
        (tmp_path / name).mkdir()
    put_gh(tmp_path / "tools")
    return Job(tmp_path / "job")


def git(folder: Path, *arguments: str) -> str:
    """What git prints, in a folder."""
    identity = ("-c", "user.name=EXAMPLE", "-c", "user.email=EXAMPLE@example.com")
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout


def test_every_recipe_is_tried_here() -> None:
    """A new one has no test yet."""
    assert len(RECIPES) == 6


def test_the_recipes_together_are_a_workflow_that_linters_accept(tmp_path: Path) -> None:
    """With each permission that the page names: by actionlint, and by zizmor but for the action's place, which is none."""
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    named = re.findall(r"[Pp]ermission[^`.]*: `([a-z]+: write)`", page)
    assert sorted(named) == ["actions: write", "contents: write", "issues: write"]
    more = "".join(f"      {permission}\n" for permission in named)
    contents = "      contents: read\n"
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    together = BASE.replace(contents, more) + "".join(scripts())
    (workflows / "budget.yml").write_text(together, encoding="utf-8")
    (workflows / "comment.yml").write_text(COMMENT, encoding="utf-8")
    (workflows / "usage.yml").write_text(NIGHTLY, encoding="utf-8")
    (workflows.parent / "zizmor.yml").write_text(
        "rules: {unpinned-uses: {config: {policies: {'OWNER/budget-gate': any, '*': hash-pin}}}}\n",
        encoding="utf-8",
    )
    tools = Path(sys.executable).parent
    commands: tuple[list[Path | str], ...] = (
        [tools / "actionlint", *workflows.iterdir()],
        [tools / "zizmor", "--offline", "--no-progress", "--quiet", tmp_path],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stdout + done.stderr


# Slack


def hostile_outputs(here: Here, name: str) -> dict[str, str]:
    """The outputs of a step of a run in which a workspace of that name is over its budget."""
    usage = [Usage(NOW.replace(day=3), PRODUCTION, "claude-sonnet-4-5", output=1_000_000)]
    policy = f"version: 1\nworkspaces: {{{PRODUCTION}: {{cap: 1}}}}\n"
    with LoopbackAPI(Organization(usage, [Workspace(PRODUCTION, name)]), now=NOW) as api:
        assert here.check(api, policy=policy).code == 1
    told = {f"steps.gate.outputs.{k}": v for k, v in read_outputs(here.program.output).items()}
    (here.program.folder.parent / "output").unlink()
    return told


NAMES = [
    *(text for text in HOSTILE if text.strip() and text != SURROGATE and len(text) < 80),
    "$(touch pwned) `touch pwned` ${HOME}",
    "'; touch pwned; '",
    '", "text": "pwned',
    "<!channel> <@U123>",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_more_than_text_in_a_message(step: Here, job: Job, name: str) -> None:
    """Slack gets the headline as it is, in a block of plain text, and nothing else changes."""
    outputs = hostile_outputs(step, name)
    with listening() as slack:
        job.run(SLACK, {**outputs, "secrets.SLACK_WEBHOOK": slack.url})
    ((method, body),) = slack.requests
    assert method == "POST"
    assert json.loads(body) == {
        "text": "Claude spend",
        "blocks": [
            {
                "type": "section",
                "text": {
                    "type": "plain_text",
                    "emoji": False,
                    "text": outputs["steps.gate.outputs.headline"],
                },
            },
            {"type": "section", "text": {"type": "mrkdwn", "text": f"<{RUN}|The run>"}},
        ],
    }
    assert list(job.folder.iterdir()) == []


def test_a_message_of_a_run_without_a_verdict_says_so(job: Job) -> None:
    """There are no outputs then."""
    with listening() as slack:
        job.run(SLACK, {"secrets.SLACK_WEBHOOK": slack.url})
    ((_, body),) = slack.requests
    told = json.loads(body)["blocks"][0]["text"]["text"]
    assert told == "The budget check came to no verdict."


# The issue


def outputs(status: str, headline: str = "The verdict.") -> dict[str, str]:
    """The outputs that the issue goes by."""
    return {"steps.gate.outputs.status": status, "steps.gate.outputs.headline": headline}


def test_a_breach_opens_an_issue(job: Job) -> None:
    """With its label, the headline and the run."""
    job.run(ISSUE, outputs("breached", "Budget breached: production."))
    listed, labelled, created = job.called
    assert listed[:2] == ["issue", "list"]
    assert labelled == ["label", "create", "claude-budget", "--force"]
    assert created[:2] == ["issue", "create"]
    assert created[created.index("--label") + 1] == listed[listed.index("--label") + 1]
    assert job.body == f"~~~text\nBudget breached: production.\n~~~\n\n{RUN}\n"


@pytest.mark.parametrize("status", ["ok", "warning"])
def test_a_recovery_closes_the_issue(job: Job, status: str) -> None:
    """The one that was found."""
    job.run(ISSUE, outputs(status), found="31")
    assert job.called[1:] == [
        ["issue", "close", "31", "--comment", f"No budget is breached any more: {RUN}"]
    ]


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("breached", "31"),
        ("ok", ""),
        ("warning", ""),
        ("unverified", ""),
        ("unverified", "31"),
        ("uncertain", ""),
        ("uncertain", "31"),
        ("", ""),
        ("", "31"),
    ],
)
def test_an_issue_is_otherwise_left_as_it_is(job: Job, status: str, found: str) -> None:
    """A second run of a breach opens no other one, and what is not known changes nothing."""
    job.run(ISSUE, outputs(status), found)
    assert [call[:2] for call in job.called] == [["issue", "list"]]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_more_than_code_in_an_issue(step: Here, job: Job, name: str) -> None:
    """The headline is the only block of code, whole."""
    told = hostile_outputs(step, name)
    job.run(ISSUE, told)
    fence, *rest = MarkdownIt("commonmark").parse(job.body)
    assert (fence.type, fence.content) == ("fence", told["steps.gate.outputs.headline"] + "\n")
    assert [token.content for token in rest if token.type == "inline"] == [RUN]
    assert list(job.folder.iterdir()) == []


# The comment


def pull_request(job: Job, base: str | None, policy: str, name: str = "budget.yml") -> None:
    """Makes the job's folder a checkout of a pull request for `main`, where the program is installed as the step does."""
    (job.folder / "README.md").write_text("EXAMPLE\n", encoding="utf-8")
    (job.folder / name).parent.mkdir(exist_ok=True)
    if base is not None:
        (job.folder / name).write_text(base, encoding="utf-8")
    git(job.folder, "init", "-q")
    git(job.folder, "add", ".")
    git(job.folder, "commit", "-qm", "EXAMPLE")
    git(job.folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    (job.folder / name).write_text(policy, encoding="utf-8")
    installed(job.program)


@pytest.mark.parametrize(
    ("base", "policy", "told"),
    [
        (
            "version: 1\nglobal: {cap: 5}\n",
            "version: 1\nglobal: {cap: 6}\n",
            "- organization: cap $5 -> $6\n",
        ),
        (None, OK, "base.yml is empty"),
        (OK, "version: 1\nglobal: {cpa: 6}\n", "The policy is wrong."),
    ],
)
def test_a_comment_says_what_a_policy_changes(
    job: Job, base: str | None, policy: str, told: str
) -> None:
    """On that pull request, in place of the one before."""
    pull_request(job, base, policy)
    job.run(COMMENTING, {})
    (called,) = job.called
    assert called[:5] == ["pr", "comment", "12", "--edit-last", "--create-if-none"]
    assert told in job.body


@pytest.mark.parametrize("name", ["budget.yml", ".github/budget.yml"])
def test_either_place_of_the_policy_is_compared(job: Job, name: str) -> None:
    """By the recipe, and by the workflow that checks a policy; both run when that file changes."""
    base = "version: 1\nglobal: {cap: 5}\n"
    pull_request(job, base, base.replace("5", "6"), name)
    job.run(COMMENTING, {})
    assert "- organization: cap $5 -> $6\n" in job.body
    taken = job.folder.parent / "temp" / "base.yml"
    taken.unlink()
    job.run(TAKING, {})
    assert taken.read_text(encoding="utf-8") == base
    for text in (COMMENT, CHECK_OF_THE_POLICY):
        assert name in yaml.load(text, yaml.BaseLoader)["on"]["pull_request"]["paths"]  # noqa: S506


@pytest.mark.parametrize(
    ("install", "runs"),
    [
        (yaml.safe_load(COMMENT)["jobs"]["comment"]["steps"][-2], [COMMENTING]),
        (KEEPING[1], KEEPING[2:4]),
        (SHOWING[1], [SHOWING[2]]),
    ],
)
def test_what_a_step_installs_is_what_others_run(
    install: dict[str, Any], runs: list[dict[str, Any]]
) -> None:
    """The program, in a folder outside of the checkout."""
    (folder,) = re.findall(r'venv ("\$RUNNER_TEMP/\w+)"', install["run"])
    assert all(f'{folder}/bin/budget-gate" ' in step["run"] for step in runs)


# The history


def test_the_nightly_run_installs_an_extra_that_there_is() -> None:
    """The one of the history."""
    (extra,) = re.findall(r"budget-gate\[(\w+)\] @ git", KEEPING[1]["run"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert any("sqlalchemy" in needed for needed in project["optional-dependencies"][extra])


def test_the_nightly_run_fills_the_database_and_the_file(job: Job) -> None:
    """The export needs no key; the file has the row, $18, and is the one that is uploaded."""
    sync, export, upload = KEEPING[2:]
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        installed(job.program, ANTHROPIC_BASE_URL=api.url)
        secrets = {"secrets.USAGE_DATABASE": "sqlite:///usage.db"}
        job.run(sync, {**secrets, "secrets.ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY})
        asked = len(api.requests)
        job.run(export, secrets)
    assert len(api.requests) == asked > 0
    (row,) = (job.folder / upload["with"]["path"]).read_text("utf-8").splitlines()[1:]
    assert row.split(",")[:2] == ["2026-11-12", PRODUCTION]
    assert row.endswith(",18,18,list")


def test_the_key_is_in_one_step_of_the_nightly_run() -> None:
    """And the database's URL in the two that use it."""
    for secret, count in (("ANTHROPIC_ADMIN_KEY", 1), ("USAGE_DATABASE", 2)):
        steps = [step for step in KEEPING if f"secrets.{secret} " in json.dumps(step)]
        assert (len(steps), NIGHTLY.count(f"secrets.{secret}")) == (count, count)


def test_the_file_of_the_nightly_run_is_kept_as_long_as_the_page_says() -> None:
    """In days."""
    page = (ROOT / "docs" / "feed.md").read_text(encoding="utf-8")
    days = KEEPING[-1]["with"]["retention-days"]
    assert f"kept for {days} days as the artifact `{KEEPING[-1]['with']['name']}`" in page


# The page


def test_the_page_is_where_it_is_uploaded_from(job: Job) -> None:
    """Alone: all of that folder is published."""
    write, upload = SHOWING[2:]
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        installed(job.program, ANTHROPIC_BASE_URL=api.url)
        job.run(write, {"secrets.ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY})
    (page,) = (job.folder / upload["with"]["path"]).iterdir()
    assert page.name == "index.html"
    assert "$18.30 spent in November" in page.read_text("utf-8")


def test_what_publishes_the_page_has_no_key() -> None:
    """The job with the key may not write, and the one that may write runs no script."""
    jobs = yaml.safe_load(SHOWING_TEXT)["jobs"]
    assert jobs["page"]["permissions"] == {"contents": "read"}
    assert "secrets." not in json.dumps(jobs["publish"])
    assert all("run" not in step for step in jobs["publish"]["steps"])


# The badge


def published(job: Job) -> dict[str, Any]:
    """The badge on the branch, which has one commit."""
    remote = job.folder.parent / "remote"
    assert git(remote, "rev-list", "--count", "badges") == "1\n"
    read: dict[str, Any] = json.loads(git(remote, "show", "badges:badge.json"))
    return read


def test_the_badge_on_a_branch_is_that_of_the_last_run(job: Job) -> None:
    """The branch is made, then replaced; where the gate left none, there is no verdict."""
    (job.folder.parent / "remote").mkdir()
    git(job.folder.parent / "remote", "init", "-q", "--bare")
    green = render_badge(make_report("ok", make_budget()), 0)
    for badge in (green, render_badge(make_report("breached"), 1), None):
        (job.folder / "badge.json").unlink(missing_ok=True)
        if badge:
            (job.folder / "badge.json").write_text(badge, encoding="utf-8")
        job.run(ON_BRANCH, {})
        shown = published(job)
        if badge:
            assert shown == json.loads(badge)
        # Each job has a folder of its own for what is temporary.
        shutil.rmtree(job.folder.parent / "temp" / "badges")
    assert (shown["message"], shown["isError"], shown.get("color")) == ("no verdict", True, None)


@pytest.mark.parametrize("has_badge", [True, False])
def test_the_badge_in_a_gist_is_that_of_the_run(job: Job, *, has_badge: bool) -> None:
    """Or none of a verdict."""
    badge = render_badge(make_report("ok", make_budget()), 0)
    if has_badge:
        (job.folder / "badge.json").write_text(badge, encoding="utf-8")
    job.run(IN_GIST, {"secrets.GIST_TOKEN": "EXAMPLE"})
    ((*command, gist, _, name, _),) = job.called
    assert (command, gist, name) == (["gist", "edit"], IN_GIST["env"]["GIST"], "badge.json")
    shown = json.loads(job.body)
    assert shown == json.loads(badge) if has_badge else shown["message"] == "no verdict"


def test_the_badges_of_the_page_are_those_of_the_program() -> None:
    """The one of the block, and the message of a breach."""
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    organization = make_budget("organization", "1234", "5000", id="global")
    assert f"```text\n{render_badge(make_report('ok', organization), 0)}```" in page
    research = make_budget("research", "312", "250", status="breached")
    shown = json.loads(render_badge(make_report("breached", research), 1))
    assert f"`{shown['message']}`" in page
    (without,) = {*re.findall("echo '({.*})'", page)}
    assert json.loads(without)["message"] == "no verdict"


# Signs of life


def test_the_heartbeat_is_one_request(job: Job) -> None:
    """Of that address."""
    with listening() as monitor:
        job.run(HEARTBEAT, {"secrets.HEARTBEAT": monitor.url})
    assert monitor.requests == [("GET", "")]


def test_the_workflow_that_is_kept_enabled_is_the_one_to_write(job: Job) -> None:
    """By the name of its file in the README."""
    job.run(KEEPALIVE, {})
    ((*command, name),) = job.called
    assert command == ["workflow", "enable"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"The workflow, `.github/workflows/{name}`:" in readme


# Other systems

(JENKINS,) = (block.text for block in BLOCKS if block.text.startswith("pipeline {"))
(CIRCLECI,) = (block.text for block in BLOCKS if block.text.startswith("version: 2.1\n"))


def other_systems() -> dict[str, tuple[dict[str, str], list[str]]]:
    """The variables that a system's job sets, and its commands."""
    circle = yaml.safe_load(CIRCLECI)["jobs"]["budget"]
    runs = [step["run"] for step in circle["steps"] if "run" in step]
    return {
        "Jenkins": (
            dict(re.findall(r"(BUDGET_\w+) = '(.*)'", JENKINS)),
            re.findall("sh '(.*)'", JENKINS),
        ),
        "CircleCI": (circle["environment"], runs),
    }


@pytest.mark.parametrize("name", other_systems())
def test_jobs_of_other_systems_run_the_gate(tmp_path: Path, name: str) -> None:
    """The last command's exit code is the gate's, and its report is the next run's last one."""
    variables, (*installs, command) = other_systems()[name]
    assert any('pip install -q "git+https://' in line for line in installs)
    (tmp_path / "budget.yml").write_text(BREACHED, encoding="utf-8")
    program = tmp_path / ".gate" / "bin" / "budget-gate"
    installed(program)
    path = f"{program.parent}:{os.environ['PATH']}"
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        given = {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY, "PATH": path}
        done = [
            subprocess.run(
                ["sh", "-ec", command],
                cwd=tmp_path,
                env=given | variables,
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            for _ in range(2)
        ]
    assert [run.returncode for run in done] == [1, 1], done
    report = json.loads((tmp_path / variables["BUDGET_GATE_REPORT"]).read_text(encoding="utf-8"))
    assert report["changed"] == "same"
    kept = re.findall(r"paths: \[(.*?)\]", CIRCLECI)
    assert name == "Jenkins" or kept == [variables["BUDGET_GATE_REPORT"]]
