"""The interface described for people, from its OpenAPI document.

FastAPI's own page loads its program from another host; a collector often has no way out.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any, Final

_STYLE: Final = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{overflow:auto;padding:.75rem;border-radius:.4rem;background:#8881}
details{border:1px solid #8884;border-radius:.4rem;margin:.4rem 0;padding:.3rem .8rem}
summary{cursor:pointer}
summary b{display:inline-block;min-width:4rem}
table{border-collapse:collapse}
td{padding:.1rem 1.2rem .1rem 0;vertical-align:top}
"""
_MAX_DEPTH: Final = 6  # an example nested deeper than that helps nobody


def render(openapi: dict[str, Any]) -> str:
    """The whole page."""
    title = html.escape(f"{openapi['info']['title']} {openapi['info']['version']}")
    parts = "".join(_operations(openapi))
    about = html.escape(openapi["info"].get("description", ""))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{about}</p>"
        '<p>Machine-readable: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a></p>'
        f"{parts}</html>"
    )


def _operations(openapi: dict[str, Any]) -> Iterator[str]:
    shown_tag = None
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", [""])[0]
            if tag != shown_tag:
                shown_tag = tag
                yield f"<h2>{html.escape(tag)}</h2>"
            yield _operation(openapi, path, method, operation)


def _operation(openapi: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> str:
    text = f"<p>{html.escape(operation.get('description', ''))}</p>"
    text += _parameters(operation)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        text += f"<p>Body</p>{_example(openapi, body['schema'])}"
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if status.startswith("2") and schema:
            text += f"<p>{status}</p>{_example(openapi, schema)}"
    refusals = [status for status in operation["responses"] if not status.startswith("2")]
    if refusals:
        text += f"<p>Problem documents (RFC 9457): {', '.join(refusals)}</p>"
    head = f"<b>{method.upper()}</b> <code>{html.escape(path)}</code>"
    return f"<details><summary>{head}</summary>{text}</details>"


def _parameters(operation: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{html.escape(one['name'])}</code><td>{one['in']}"
        f"<td>{html.escape(one.get('description', ''))}"
        for one in operation.get("parameters", [])
    ]
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _example(openapi: dict[str, Any], schema: dict[str, Any]) -> str:
    text = json.dumps(_value(openapi, schema, 0), indent=2, ensure_ascii=False)
    return f"<pre>{html.escape(text)}</pre>"


def _value(openapi: dict[str, Any], schema: dict[str, Any], depth: int) -> Any:
    """An example of a schema: its own where it has one, else the type's name."""
    if examples := schema.get("examples"):
        return examples[0]
    if depth > _MAX_DEPTH:
        return "..."
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return _value(openapi, openapi["components"]["schemas"][name], depth)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _value(openapi, schema[choice][0], depth)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [_value(openapi, schema.get("items", {}), depth + 1)]
    if "properties" in schema:
        return {
            name: _value(openapi, part, depth + 1) for name, part in schema["properties"].items()
        }
    return ("default" in schema and schema["default"]) or schema.get("format", schema.get("type"))
