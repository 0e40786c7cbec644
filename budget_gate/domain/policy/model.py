"""The policy document: which budgets exist, and how strict the gate is."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from budget_gate.domain.fields import (
    SEEN,
    Document,
    Name,
    Text,
    Version,
    schema,
    shown,
    wrong,
)
from budget_gate.domain.policy.budgets import Budget, CapException, GlobalBudget, Group, NamedBudget
from budget_gate.domain.policy.places import SourceMap
from budget_gate.domain.policy.spend_rules import SpendRules
from budget_gate.domain.policy.warnings import Alerts, Notify
from budget_gate.domain.prices.cards import Prices

ID_PREFIX = "wrkspc_"
# The key of the default workspace, which has no name.
DEFAULT_KEY = "default"


def _workspace_id(value: str) -> str:
    if not value.startswith(ID_PREFIX):
        raise wrong(f"{shown(value)} is not a workspace's id", "ids begin with `wrkspc_`")
    return value


WorkspaceId = Annotated[
    Name, AfterValidator(_workspace_id), schema("string", rf"{ID_PREFIX}([\s\S]*{SEEN})?")
]


# Tags stand in the path of an error: with a character that YAML forbids, they are no one's key.
_BUDGET, _WORD = "\0budget", "\0word"


def _shape(value: object) -> str:
    return _BUDGET if isinstance(value, dict | Budget) else _WORD


Unlisted = Annotated[
    Annotated[Budget, Tag(_BUDGET)] | Annotated[Literal["allow", "warn", "fail"], Tag(_WORD)],
    Discriminator(_shape),
]


# What `unlisted: fail` gives each workspace.
NO_SPEND = Budget.model_construct(cap=Decimal(0), warn_at=(), daily_cap=None, forecast="off")

# What `_has_a_budget` asks for, as a schema says it.
_A_BUDGET: list[Any] = [
    {"required": ["global"]},
    *(
        {"required": [key], "properties": {key: {"minProperties": 1}}}
        for key in ("workspaces", "groups", "models")
    ),
    {"required": ["unlisted"], "properties": {"unlisted": {"not": {"const": "allow"}}}},
]


class Policy(Document):
    """The budgets of an organization.

    `workspaces` is keyed by name, id, glob or `default`, `models` by id or glob.
    """

    # Defaults are constructed, as what checks a part is then built but once, with the whole.

    model_config = ConfigDict(json_schema_extra={"anyOf": _A_BUDGET})

    version: Version = Field(description="The version of this format: 1.", examples=[1])
    organization: Name | None = Field(
        None,
        description="The id of the organization that the budgets are for (GET "
        "/v1/organizations/me): a key of another one is an error.",
        examples=["11111111-2222-4333-8444-555555555555"],
    )
    global_: GlobalBudget | None = Field(
        None,
        alias="global",
        description="The budget of the whole organization.",
        examples=[{"cap": 5000, "warn_at": ["80%", "95%"]}],
    )
    workspaces: dict[Name, NamedBudget] = Field(
        {},
        description="Budgets by workspace: its name, its id, `default` for the default workspace, "
        "or a glob: each matching workspace gets its own budget.",
        examples=[{"production": {"cap": 2500}, "exp-*": {"cap": 20, "optional": True}}],
    )
    groups: dict[Name, Group] = Field(
        {},
        description="Budgets over the sum of several workspaces, by a name of your choice.",
        examples=[{"research": {"workspaces": ["evals", "exp-*"], "cap": 800}}],
    )
    models: dict[Name, NamedBudget] = Field(
        {},
        description="Budgets by model, over all workspaces: its id, which stands for its dated ids "
        "too, or a glob, whose matches are added up.",
        examples=[{"claude-opus-*": {"cap": 1500}}],
    )
    exceptions: tuple[CapException, ...] = Field(
        (),
        description="Other caps for a while, each with its reason.",
        examples=[
            [{"budget": "global", "cap": 7500, "until": "2026-11-30", "reason": "the migration"}]
        ],
    )
    unlisted: Unlisted = Field(
        "allow",
        description="A budget for each workspace that is neither under `workspaces` nor in a "
        "group, or what any spend there does: nothing (allow), a warning, or a breach (fail).",
        examples=["fail", {"cap": 100}],
    )
    spend: SpendRules = Field(
        SpendRules.model_construct(),
        description="Which cost is judged, and what to do where it is not exactly known.",
        examples=[{"basis": "billed"}],
    )
    prices: Prices = Field(
        Prices.model_construct(),
        description="Your own prices: a discount, and those of single models.",
        examples=[{"discount": "10%"}],
    )
    alerts: Alerts = Field(
        Alerts.model_construct(),
        description="What is worth a warning besides the caps: a rise of spend, or a forecast.",
        examples=[{"week_over_week": {"above": "25%", "floor": 50}}],
    )
    notify: Notify = Field(
        Notify.model_construct(),
        description="Where to post when the verdict becomes worse, and once when it is good again.",
        examples=[{"slack": {"webhook_env": "SLACK_WEBHOOK_URL"}, "remind": "24h"}],
    )
    names: dict[WorkspaceId, Text] = Field(
        {},
        description="Labels by workspace id, for workspaces that the API does not list (any more); "
        "`default` says which id is the default workspace.",
        examples=[{"wrkspc_01OLD": "legacy-bot"}],
    )

    @model_validator(mode="after")
    def _has_a_budget(self) -> Self:
        if not any(True for _ in self.budgets()) and self.unlisted == "allow":
            raise wrong(
                "the policy has no budget, so it could never fail",
                "add a cap, such as `global: {cap: 5000}`",
            )
        return self

    def budgets(self) -> Iterator[tuple[tuple[str, ...], Budget]]:
        """Every budget with its key path, as `exceptions` and `--budget` name them."""
        if self.global_:
            yield ("global",), self.global_
        for kind, named in (
            ("workspaces", self.workspaces),
            ("groups", self.groups),
            ("models", self.models),
        ):
            for key, budget in named.items():
                yield (kind, key), budget
        if isinstance(self.unlisted, Budget):
            yield ("unlisted",), self.unlisted

    @property
    def default_ids(self) -> frozenset[str]:
        """The ids that `names` calls `default`: real ids of the default workspace."""
        return frozenset(id_ for id_, name in self.names.items() if name == DEFAULT_KEY)

    @property
    def unlisted_budget(self) -> Budget | None:
        """The budget of each unlisted workspace; None where spend there only warns, or is fine."""
        if isinstance(self.unlisted, Budget):
            return self.unlisted
        return NO_SPEND if self.unlisted == "fail" else None

    def workspace_keys(self) -> Iterator[tuple[str, Collection[str]]]:
        """Every key that names workspaces, with all of its budget's kind, or of its group."""
        for keys in (self.workspaces, *(group.workspaces for group in self.groups.values())):
            for key in keys:
                yield key, keys


class PolicyFile(NamedTuple):
    """A policy, and where each part of it stands in its file."""

    policy: Policy
    source: SourceMap
