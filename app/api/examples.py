"""Examples: bodies to begin with, made from what the types say about their fields."""

from typing import Any


def example_of(schema: dict[str, Any], defined: dict[str, Any] | None = None) -> Any:
    """A value of this kind: what its fields say, with all that are needed and those that have an
    example of their own."""
    defined = schema.get("$defs", defined or {})
    if "$ref" in schema:
        return example_of(defined[schema["$ref"].rpartition("/")[2]], defined)
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], defined)
    match schema.get("type"):
        case "object":
            needed = schema.get("required", [])
            return {
                name: example_of(part, defined)
                for name, part in schema.get("properties", {}).items()
                if name in needed or "examples" in str(part)
            }
        case "array":
            return [example_of(schema["items"], defined)]
        case "integer":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return schema.get("enum", [schema.get("const", "text")])[0]
