"""Which workspaces and models each key of a policy names: exactly, or by a glob."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import NamedTuple

from budget_gate.domain.notes import enumerated
from budget_gate.domain.policy.default_workspace import (
    default_ids,
    may_be_default,
    why_not_known,
)
from budget_gate.domain.policy.model import ID_PREFIX, PolicyFile
from budget_gate.domain.policy.names import (
    ids_text,
    is_glob,
    is_matched,
    like,
    likely_models,
    matches,
    model_names,
    nearest,
)
from budget_gate.domain.policy.places import KeyPath
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.errors import ConfigurationError, Problem

_NO_LIST = (
    "there is no list of workspaces to find this name in",
    "use the workspace's id as the key, or give the list with --workspaces FILE",
)
_NOT_LISTED = (
    "this key may not list workspaces, and no name is known for this one",
    "use the workspace's id as the key, or give its name under `names` in the policy",
)
_RENAMED = "if it was renamed, use its id, which never changes"


class Resolved(NamedTuple):
    """What the keys name: workspaces by id (None is the default one), models by id.

    `groups` and `models` leave out what is optional and names nothing, and `idle` are the members
    of other groups that do, as `groups.KEY (MEMBER)`.
    """

    workspaces: dict[str, tuple[str | None, ...]]
    groups: dict[str, tuple[str | None, ...]]
    models: dict[str, tuple[str, ...]]
    idle: list[str]


def resolve(
    file: PolicyFile,
    spend: Spend,
    workspaces: Mapping[str | None, Workspace],
    yesterday: date | None = None,
) -> Resolved:
    """What every key of the policy names.

    Raises ConfigurationError with every key that names nothing without being `optional`, cannot
    be looked up, names several workspaces by one name, or names one that another key names too. A
    glob leaves out what has a key of its own, and archived workspaces without spend in the month,
    or on `yesterday`, which is the day before where that is judged as well.
    """
    resolver = _Resolver(file, spend, workspaces, yesterday)
    found = Resolved({}, {}, {}, [])
    resolver.workspaces(found)
    resolver.groups(found)
    resolver.models(found)
    if resolver.problems:
        message = "the policy does not fit the organization"
        if spend.workspaces is None:
            message = "the policy names workspaces, and there is no list of them"
            message += "" if spend.is_from_analytics else " (--workspaces)"
        resolver.problems.sort(key=lambda problem: (problem.line, problem.column))
        raise ConfigurationError(message, problems=tuple(resolver.problems), file=file.source.file)
    return found


class _Resolver:
    """Looks keys up, and gathers what is wrong with them."""

    def __init__(
        self,
        file: PolicyFile,
        spend: Spend,
        workspaces: Mapping[str | None, Workspace],
        yesterday: date | None,
    ) -> None:
        self._policy = file.policy
        self._source = file.source
        self._has_list = spend.workspaces is not None
        self._no_list = _NOT_LISTED if spend.is_from_analytics else _NO_LIST
        self._default_ids = default_ids(file.policy, spend)
        self._no_default = why_not_known(file.policy, spend)
        self._workspaces = workspaces
        self._models = spend.models | set(spend.prices.models)
        self._aliases = spend.prices.aliases
        self._likely = likely_models(spend)
        late = [line for line in spend.history or () if line.day == yesterday]
        spending = {line.workspace for line in (*spend.lines, *late) if line.cost.high}
        # What a glob may match: a workspace that nobody can use any more is nobody's surprise.
        self._current = {
            id_: workspace.name
            for id_, workspace in workspaces.items()
            if id_ != UNATTRIBUTED and (id_ in spending or not workspace.archived)
        }
        # Without a list, a glob may be for any of these by a name that nobody tells.
        known = {UNATTRIBUTED, *file.policy.names}
        ids = () if self._has_list else sorted(filter(None, spending))
        self._nameless = [id_ for id_ in ids if id_ not in known]
        self.problems: list[Problem] = []

    def workspaces(self, found: Resolved) -> None:
        """Resolves the keys under `workspaces`; an exact one goes before every glob."""
        owners: dict[str | None, str] = {}
        globs = []
        for key, budget in self._policy.workspaces.items():
            path: KeyPath = ("workspaces", key)
            ids = self._named(path, key)
            if is_glob(key):
                globs.append((key, budget, path))
                if not ids:
                    continue
            found.workspaces[key] = self._exact(path, key, ids, optional=budget.optional)
            for id_ in found.workspaces[key]:
                if id_ in owners:
                    self._add(
                        path, f"names the same workspace as {owners[id_]!r}", "keep one of the two"
                    )
                owners[id_] = key
        exact = dict(owners)
        for key, budget, path in globs:
            # A workspace may be called as the glob is written: it must not hide the others.
            named = found.workspaces.get(key, ())
            ids = self._by_glob(path, key, optional=budget.optional or bool(named))
            own = [id_ for id_ in ids if id_ not in exact]
            found.workspaces[key] = (*named, *own)
            for id_ in own:
                if id_ in owners:
                    self._add(
                        path,
                        f"matches {self._workspaces[id_].name}, as {owners[id_]!r} does",
                        "narrow one of the two, or give the workspace a key of its own",
                    )
                owners[id_] = key

    def groups(self, found: Resolved) -> None:
        """Resolves the members of the groups; a workspace counts once in each."""
        for name, group in self._policy.groups.items():
            members: dict[str | None, None] = {}
            idle = []
            for position, key in enumerate(group.workspaces):
                path: KeyPath = ("groups", name, "workspaces", position)
                named = self._named(path, key)
                ids: list[str | None] = []
                if named or not is_glob(key):
                    ids += self._exact(path, key, named, optional=group.optional)
                if is_glob(key):
                    ids += self._by_glob(path, key, optional=group.optional or bool(named))
                members |= dict.fromkeys(ids)
                idle += [] if ids else [f"groups.{name} ({key})"]
            if members:
                found.groups[name] = tuple(members)
                found.idle.extend(idle)

    def models(self, found: Resolved) -> None:
        """Resolves the keys under `models`, among those with a price or with usage, lately too.

        Usage may be reported under another name of a model than the key has.
        """
        for key, budget in self._policy.models.items():
            names = model_names(key, self._models, self._aliases)
            if not names and not budget.optional:
                self._add(
                    ("models", key),
                    "no model with a price or with usage has this id",
                    f"{like(key, self._likely, 'remove the budget')}, or add `optional: true`",
                )
            if names:
                found.models[key] = names

    def _named(self, path: KeyPath, key: str) -> list[str | None]:
        """The workspaces that a key is the id or the name of; adds what is wrong with either id.

        That of the default workspace is no key: other routes, and earlier reports, know it by none.
        """
        if self._no_default and may_be_default(key, self._current):
            self._add(path, *self._no_default)
        if key in self._default_ids:
            self._add(path, "this is the id of the default workspace", "write `default` instead")
            return [None]
        return matches(key, self._workspaces)

    def _exact(
        self, path: KeyPath, key: str, ids: Collection[str | None], *, optional: bool
    ) -> tuple[str | None, ...]:
        if len(ids) > 1:
            self._add(
                path, f"{len(ids)} workspaces have this name", f"use an id instead: {ids_text(ids)}"
            )
            return ()
        if not ids and not self._has_list:
            self._add(path, *self._no_list)
        elif not ids and not optional:
            what = "member" if path[0] == "groups" else "budget"
            otherwise = f"remove the {what}; {_RENAMED}"
            hint = nearest(key, self._workspaces.values(), otherwise)
            self._add(path, "no workspace is called this", hint)
        return tuple(ids)

    def _by_glob(self, path: KeyPath, key: str, *, optional: bool) -> list[str | None]:
        ids = [id_ for id_, name in self._current.items() if is_matched(id_, name, key)]
        if not ids and not self._has_list and not key.startswith(ID_PREFIX):
            # What cannot be looked up may be there: `optional` does not stand for that.
            self._add(path, *self._no_list)
        elif missed := self._missed(path, key):
            self._add(
                path,
                f"whether the glob matches {enumerated(missed)} is not known: there is spend, and "
                "no name",
                "name each under `names` in the policy, or give its id a key of its own",
            )
        elif not ids and not optional:
            self._add(
                path,
                "the glob matches no workspace",
                "correct it, or write `optional: true` beside the cap if it may match none",
            )
        return sorted(ids, key=lambda id_: id_ or "")

    def _missed(self, path: KeyPath, key: str) -> list[str]:
        """The workspaces with spend that a glob may be for by a name that nobody tells."""
        of_group = self._policy.groups[str(path[1])].workspaces if path[0] == "groups" else ()
        own = of_group or self._policy.workspaces
        if key.startswith(ID_PREFIX):
            return []
        return [it for it in self._nameless if it not in own and not is_matched(it, it, key)]

    def _add(self, path: KeyPath, message: str, hint: str) -> None:
        self.problems.append(self._source.problem(path, message, hint))
