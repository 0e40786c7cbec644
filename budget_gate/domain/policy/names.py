"""What a name may stand for: a workspace or a model, its id, or all that a glob matches."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import chain, takewhile
from typing import Final

from budget_gate.domain.notes import enumerated
from budget_gate.domain.policy.model import DEFAULT_KEY, ID_PREFIX, Policy
from budget_gate.domain.prices.models import newest_first, undated
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import UNATTRIBUTED

# The names of workspaces by id; that of the default workspace is None.
Names = Mapping[str | None, str]

# So many letters that one name is unlikely to have them by chance.
_A_WORD: Final = 3
_GLOB_CHARACTERS: Final = frozenset("*?[")


def is_glob(key: str) -> bool:
    """Whether a key that is nothing's own name is a pattern of names."""
    return not _GLOB_CHARACTERS.isdisjoint(key)


def is_matched(id_: str | None, name: str, glob: str) -> bool:
    """Whether a glob matches a workspace: its name or its id, `default` being that of default."""
    return fnmatchcase(DEFAULT_KEY if id_ is None else name, glob) or (
        id_ is not None and fnmatchcase(id_, glob)
    )


def may_match(glob: str, key: str) -> bool:
    """Whether a glob may match a workspace that a key is for, where only the key is known.

    A glob matches a workspace's name or its id, and the key is only one of the two.
    """
    if fnmatchcase(key, glob):
        return True
    if key == DEFAULT_KEY or is_glob(key):
        # The default workspace has no id. Two globs that match one workspace are an error.
        return False
    start = "".join(takewhile(lambda it: it not in _GLOB_CHARACTERS, glob))
    return key.startswith(ID_PREFIX) or start.startswith(ID_PREFIX) or ID_PREFIX.startswith(start)


def is_covered(key: str, other: str) -> bool:
    """Whether all that a key names is surely named by another one; of globs, where that is plain.

    As a text, the glob `exp-*` matches `exp-?`, which names less.
    """
    is_plain = not is_glob(key) or (
        "[" not in key and _GLOB_CHARACTERS.isdisjoint(other.replace("*", ""))
    )
    return key == other or (is_plain and fnmatchcase(key, other))


def path_of(budget: str, name: str, policy: Policy) -> tuple[str, ...]:
    """The key path of the budget that a report has under the id `budget` and that name.

    A workspace that no key is for has none in the policy: its own name stands in its place.
    """
    scope, _, id_ = budget.partition(".")
    if scope != "workspaces":
        return (scope, id_) if scope in ("groups", "models") else (scope,)
    workspace = None if id_ == DEFAULT_KEY else id_
    globs = (key for key in policy.workspaces if is_matched(workspace, name, key))
    exact = (key for key in (id_, name) if key in policy.workspaces)
    return scope, next(chain(exact, globs), name)


def model_names(key: str, names: Collection[str], aliases: Mapping[str, str]) -> tuple[str, ...]:
    """Those of the `names` of models that a key under `models` is for, under whichever alias."""
    ids = {aliases.get(name, name) for name in names if _is_model(key, name)}
    return tuple(sorted(name for name in names if aliases.get(name, name) in ids))


def likely_models(spend: Spend) -> list[str]:
    """The models that a key may be meant for: first those in use, then others, newest first.

    Retired ones that nobody uses are left out, and other names of a model that is there.
    """
    day = spend.coverage.through.date()
    prices = spend.prices
    retired = {id_ for id_, from_ in prices.retired_on.items() if from_ <= day}
    others = {*prices.models} - spend.models - retired - prices.aliases.keys()
    return [*newest_first(spend.models), *newest_first(others)]


def _is_model(key: str, name: str) -> bool:
    """Whether usage of the model `name` is of the key: its id, with or without date, or a glob."""
    return key in (name, undated(name)) or fnmatchcase(name, key)


def matches(key: str, workspaces: Mapping[str | None, Workspace]) -> list[str | None]:
    """The ids of the workspaces that a key is the id or the name of, or `default`."""
    if key == DEFAULT_KEY:
        return [None]
    if key in workspaces and key != UNATTRIBUTED:
        return [key]
    return [id_ for id_, workspace in workspaces.items() if id_ and workspace.name == key]


def listed_name(id_: str | None, workspaces: Mapping[str | None, Workspace]) -> str:
    """A workspace's name; its id where only the days before the month have it, and no list."""
    known = workspaces.get(id_)
    return known.name if known else id_text(id_)


def unique_name(id_: str | None, workspaces: Mapping[str | None, Workspace]) -> str:
    """A workspace's name, with its id where another bears the same."""
    name = listed_name(id_, workspaces)
    is_shared = sum(workspace.name == name for workspace in workspaces.values()) > 1
    return f"{name} ({id_text(id_)})" if is_shared else name


def id_text(id_: str | None) -> str:
    """A workspace's id as reports and messages write it."""
    if id_ == UNATTRIBUTED:
        return "unattributed"
    return DEFAULT_KEY if id_ is None else id_


def name_of(id_: str | None, names: Names) -> str:
    """A workspace's name, or its id where it has none."""
    return names.get(id_) or id_text(id_)


def ids_text(ids: Iterable[str | None]) -> str:
    """Workspaces' ids as messages write them."""
    return ", ".join(sorted(map(id_text, ids)))


def nearest(key: str, workspaces: Iterable[Workspace], otherwise: str = "") -> str:
    """The remedy for a key that names no workspace: what it may mean, or `otherwise`."""
    names = {DEFAULT_KEY, *(workspace.name for workspace in workspaces if workspace.id)}
    return like(key, sorted(names), otherwise)


def like(key: str, names: Sequence[str], otherwise: str = "") -> str:
    """The remedy for a key that is none of the `names`: the nearest of them, or `otherwise`.

    Those that have the key in them go before those that are spelt alike, in the order of `names`.
    """
    from difflib import get_close_matches  # needed for an error alone

    within = [name for name in names if key.casefold() in name.casefold()]
    near = within[:3] if len(key) >= _A_WORD else []
    near = near or get_close_matches(key, names, n=3, cutoff=0.5)
    if near:
        meant = f"did you mean {', '.join(map(repr, near))}?"
        return f"{meant} Otherwise {otherwise}" if otherwise else meant
    some = enumerated([repr(name) for name in names])
    return ", or ".join(filter(None, (f"there are {some}; correct it", otherwise)))


def meant_keys(name: str, keys: Collection[str], called: Collection[str] = ()) -> list[str]:
    """The budgets' keys that `name` may stand for, three at most, the most likely first.

    By what each key names, or by the keys `called` so; otherwise those spelt alike.
    """
    from difflib import get_close_matches  # needed for an error alone

    own = {name, name.partition(".")[2]} - {""}
    exact = {key for key in keys if key.partition(".")[2] in own} | {*called}
    if exact:
        return sorted(exact)[:3]
    known = {key.partition(".")[2] or key: key for key in keys} | {key: key for key in keys}
    if "global" in keys:
        known["organization"] = "global"
    near = (known[it] for it in get_close_matches(name, known, 3, 0.8))
    return list(dict.fromkeys(near))
