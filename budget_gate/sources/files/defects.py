"""What a document's model refuses, as defects with their places and remedies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from budget_gate.domain.fields import NO_BREAK_SPACES, NO_COMMA, Document, cap_readings, shown
from budget_gate.domain.policy.budgets import Budget, Group
from budget_gate.domain.policy.places import KeyPath, SourceMap
from budget_gate.errors import Problem
from budget_gate.sources.files.shape import fields_of, flow, is_key, keys_in, parts_at
from budget_gate.sources.files.strict_yaml import AFTER_COMMA

# What a key that a policy does not have may stand for, by a word in it: the first that fits.
_MEANT: Final = {
    **dict.fromkeys(("daily", "day"), "daily_cap"),
    **dict.fromkeys(("warn", "warning", "threshold", "alert", "notify"), "warn_at"),
    **dict.fromkeys(("limit", "amount", "max", "maximum", "budget", "monthly", "usd"), "cap"),
    **dict.fromkeys(("expires", "expiry", "end"), "until"),
    **dict.fromkeys(("team", "project"), "groups"),
    **dict.fromkeys(("total", "overall"), "global"),
    **dict.fromkeys(("other", "rest"), "unlisted"),
}
# A key that YAML takes for a text, as no space (or none that it knows) follows the colon.
_NO_SPACE: Final = re.compile(r"([A-Za-z_]\w*):\S", re.ASCII)


def defects(
    error: ValidationError, document: object, model: type[Document], source: SourceMap
) -> list[Problem]:
    """Every defect that `model` finds in the document, each with what to write instead."""
    if isinstance(document, dict) and {"on", "jobs"} <= document.keys():
        hint = "name the policy with --policy, or write one with `budget-gate init`"
        return [source.problem((), "this is a workflow, not a policy", hint)]
    return [*_Reading(document, model, source).problems(error)]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A document that its model refuses."""

    document: object
    model: type[Document]
    source: SourceMap

    def problems(self, error: ValidationError) -> Iterator[Problem]:
        places = self.source.places
        keys = (it for it in places if it and isinstance(it[-1], str) and not self._value(it))
        split = {it[:-1] for it in keys if AFTER_COMMA.fullmatch(str(it[-1]))}
        # A misspelt key is told once, and not as missing under its right name as well.
        misspelt: set[KeyPath] = set()
        # First what is unknown, which pydantic tells behind what is missing.
        for detail in sorted(error.errors(), key=lambda it: it["type"] != "extra_forbidden"):
            # Parts of the location that are no keys (the tag of a union) stand nowhere in the file.
            path: KeyPath = ()
            for part in detail["loc"]:
                if (*path, part) in places:
                    path = (*path, part)
            if detail["type"] == "missing":
                path = (*path, detail["loc"][-1])
                if path in misspelt:
                    continue
            if detail["type"] == "extra_forbidden":
                misspelt.add((*path[:-1], self._near(path)))
            is_split = path[:-1] in split and detail["type"] in ("wrong_value", "model_type")
            yield self._problem(detail, path, NO_COMMA if is_split else "")

    def _problem(self, detail: Any, path: KeyPath, hint: str) -> Problem:
        context, written = detail.get("ctx", {}), detail["input"]
        hint = hint or _as_budget(written, parts_at(self.model, path))
        match detail["type"]:
            case "missing":
                return self.source.problem(path, "is missing", self._add(path))
            case "extra_forbidden":
                return self.source.problem(path, "unknown key", self._instead(path, written))
            case "literal_error":
                hint = hint or f"write {context['expected']}"
                return self.source.problem(path, f"{shown(written)} is not allowed here", hint)
            case "wrong_value":
                message = context["problem"]
                return self.source.problem(path, message, hint or context["hint"])
            case "model_type" | "model_attributes_type" | "dict_type":
                return self._no_keys(path, written, hint)
            case "tuple_type":
                return self.source.problem(path, "is not a list", self._listed(path, written))
            case _:
                return self.source.problem(path, detail["msg"], "correct it, or remove it")

    def _add(self, path: KeyPath) -> str:
        info = self._info(path)
        if info is None or not info.examples:
            return "add it"
        such = "" if len(get_args(info.annotation)) == 1 else "it, such as "
        return f"add {such}`{flow({path[-1]: info.examples[0]})}`"

    def _no_keys(self, path: KeyPath, written: object, hint: str) -> Problem:
        """The defect of a text or a list where keys belong."""
        if isinstance(written, str) and (glued := _NO_SPACE.match(written)):
            hint = f"put a plain space after `{glued[1]}:`"
            message = f"{shown(written)} is one word to YAML"
            return self.source.problem(path, message, hint, at=(*path, written))
        below = self._example(path)
        if not path:
            hint = "begin with `version: 1`, or write a policy with `budget-gate init`"
        elif not hint and below:
            hint = f"write `{below}` below it, indented"
        if isinstance(written, list):
            return self.source.problem(
                path, "is a list, where keys belong", hint + " and without a dash" * bool(path)
            )
        message = f"{shown(written)} stands where keys belong" if written else "is empty"
        return self.source.problem(path, message, hint or "write its keys below it, indented")

    def _example(self, path: KeyPath) -> str:
        """The keys that one would write below a key."""
        info = self._info(path)
        examples = info.examples if info else None
        if examples and isinstance(examples[0], dict):
            key, value = next(iter(examples[0].items()))
            return flow({key: value})
        for part in parts_at(self.model, path):
            needed = {name: info for name, info in fields_of(part).items() if info.is_required()}
            return ", ".join(
                flow({name: info.examples[0]}) for name, info in needed.items() if info.examples
            )
        return ""

    def _listed(self, path: KeyPath, written: object) -> str:
        """How to write as a list what stands as a single text."""
        info = self._info(path)
        kind: Any = get_args(info.annotation)[0] if info else None
        if info is None or (isinstance(kind, type) and issubclass(kind, Document)):
            return "list it below, each as `- key: value`"
        items = [it.strip() for it in written.split(",")] if isinstance(written, str) else []
        try:
            for item in items:
                TypeAdapter(kind).validate_python(item)
        except ValidationError:
            items = []
        if items:
            return f"write it in brackets: {flow(items)}"
        return f"write it in brackets, such as {flow((info.examples or [[]])[0])}"

    def _instead(self, path: KeyPath, written: object) -> str:
        """What to do about a key that the model does not know."""
        key = str(path[-1])
        if AFTER_COMMA.fullmatch(key) and not written:
            return NO_COMMA
        if not set(NO_BREAK_SPACES).isdisjoint(key):
            return "put plain spaces before it: these are no-break spaces"
        near, glued = self._near(path), _NO_SPACE.match(key)
        if near and glued and glued[1] == near:
            return f"put a space after `{near}:`"
        if near:
            return f"did you mean {near!r}?"
        above = self._empty_above(path)
        if above:
            return f"indent it below `{above}:`"
        if key in fields_of(self.model):
            return "it belongs at the top, without indentation"
        hosts = [name for name, info in fields_of(self.model).items() if key in keys_in(info)]
        if hosts:
            return f"it belongs below {' or '.join(f'`{host}:`' for host in hosts[:3])}"
        free = [name for name in self._here(path) if (*path[:-1], name) not in self.source.places]
        return f"remove it; possible here: {', '.join(free)}" if free else "remove it"

    def _empty_above(self, path: KeyPath) -> str:
        """The key before this one, where nothing stands below it and this one might."""
        places, above = self.source.places, path[:-1]
        before = [
            it
            for it in places
            if len(it) == len(path) and it[:-1] == above and places[it] < places[path]
        ]
        last = max(before, key=lambda it: places[it], default=None)
        info = self._info(last) if last else None
        if last is None or info is None or self._value(last):
            return ""
        is_free = get_origin(info.annotation) is dict
        return str(last[-1]) if is_free or path[-1] in keys_in(info) else ""

    def _value(self, path: KeyPath) -> object:
        """What stands at a path; None where nothing does."""
        value: Any = self.document
        for part in path:
            if isinstance(part, int):
                value = value[part] if isinstance(value, list) else None
            else:
                value = value.get(part) if isinstance(value, dict) else None
        return value

    def _near(self, path: KeyPath) -> str:
        """The key that one which is unknown may stand for; empty where none is near."""
        from difflib import get_close_matches

        key, above, here = str(path[-1]), path[:-1], self._here(path)
        glued = _NO_SPACE.match(key)
        if glued and glued[1] in here:
            return glued[1]
        free = [name for name in here if (*above, name) not in self.source.places]
        words = re.split("[^a-z]+", key.lower())
        meant = [name for word, name in _MEANT.items() if word in words or f"{word}s" in words]
        near = get_close_matches(key, here, cutoff=0.8)
        if not near and (key in _MEANT or not is_key(key, self.model)):
            near = [name for name in meant if name in free] or get_close_matches(key, free)
        return near[0] if near else ""

    def _here(self, path: KeyPath) -> list[str]:
        """The keys that may stand beside the one at `path`."""
        parts = parts_at(self.model, path[:-1])
        return [name for part in parts for name in fields_of(part)]

    def _info(self, path: KeyPath) -> FieldInfo | None:
        found = (
            fields_of(part).get(str(path[-1])) for part in parts_at(self.model, path[:-1]) if path
        )
        return next((info for info in found if info), None)


def _as_budget(written: object, parts: set[type[Document]]) -> str:
    """How to write the budget that stands as a bare amount; empty where it is none."""
    if not any(issubclass(part, Budget) for part in parts):
        return ""
    members = ", workspaces: [NAME, NAME]" if Group in parts else ""
    budgets = [f"{{cap: {amount}{members}}}" for amount in cap_readings(written)]
    return f"write {', or '.join(budgets)}" if budgets else ""
