"""The policy's JSON Schema as the models give it: `python -m tests.helpers.schema` prints it.

The file that the package holds is written with it: `> budget_gate/data/policy.schema.json`.
"""

import json
import sys
from decimal import Decimal
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from budget_gate.domain.policy.model import Policy

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = "https://raw.githubusercontent.com/OWNER/budget-gate/main/budget_gate/data/policy.schema.json"


class PolicySchema(GenerateJsonSchema):
    """pydantic's schema, of what is written in a policy rather than of what is read from it."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """None stands for a key that is not there: nothing is written so."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The default as one would write it, where it is more than nothing at all."""
        inner = self.generate_inner(schema["schema"])
        default = written(self.get_default_value(schema), inner)
        return inner if default is None else {**inner, "default": default}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Any keys of the right form; pydantic would allow those of another form as well."""
        keys = self.generate_inner(schema["keys_schema"])
        values = self.generate_inner(schema["values_schema"])
        limits = {name: keys[name] for name in ("minLength", "pattern") if name in keys}
        return {"type": "object", "propertyNames": limits, "additionalProperties": values}

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """A mapping without its class's docstring, which speaks of the code."""
        whole = super().model_schema(schema)
        return {key: value for key, value in whole.items() if key not in ("title", "description")}

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """The order of the models."""
        del parent_key
        return value

    def field_title_should_be_set(self, *_: object) -> bool:
        """No: a title would only repeat the key."""
        return False


def written(default: object, schema: JsonSchemaValue) -> object:
    """A default as a policy has it; None where the policy has nothing."""
    match default:
        case bool() | str() if default != "":
            return default
        case Decimal():
            is_ratio = schema["type"] == "string"
            return f"{(default * 100).normalize():f}%" if is_ratio else float(default)
        case tuple() if default:
            return [written(each, schema["items"]) for each in default]
        case None if "(none|" in schema.get("pattern", ""):
            return "none"
        case _:
            return None


def policy_schema() -> dict[str, Any]:
    """The schema, with what the models do not know."""
    whole = Policy.model_json_schema(schema_generator=PolicySchema)
    return {
        "$schema": DIALECT,
        "$id": ID,
        "title": "The policy of budget-gate",
        "description": "The budgets of an organization for its Claude API spend.",
        **whole,
    }


def rendered() -> str:
    """The schema as its file has it."""
    return json.dumps(policy_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(rendered())
