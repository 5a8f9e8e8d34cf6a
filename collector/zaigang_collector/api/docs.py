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
h2{margin:1.6rem 0 .4rem;font-size:1.15rem}
h3{margin:.9rem 0 .2rem;font-size:.95rem}
summary{cursor:pointer}
summary b{display:inline-block;min-width:3.4rem}
summary span{display:block;margin-left:4.4rem;opacity:.75}
table{border-collapse:collapse}
td{padding:.1rem 1.2rem .1rem 0;vertical-align:top}
"""
_MAX_DEPTH: Final = 6  # an example nested deeper than that helps nobody
_TYPICAL: Final = {
    "date-time": "2026-09-21T01:00:00Z",
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "string": "text",
    "null": None,
}
_HOW: Final = (
    "<h2>How to ask</h2><p>Programs send an API token that has the scope named below; people sign "
    "in with <code>POST /api/v1/login</code> and may what their roles allow:</p>"
    "<pre>zaigang-collector token api NAME SCOPE...\n"
    'curl -H "Authorization: Bearer TOKEN" COLLECTOR/api/v1/assessments</pre>'
    "<p>Times are ISO 8601 with their offset; answers are in UTC. Lists come in pages: "
    "<code>next</code> of one is <code>cursor</code> of the following; <code>null</code> ends them. "
    "Sentences come in Chinese and English. Names carry their units: <code>_m</code> metres, "
    "<code>_ms</code> milliseconds, <code>_min</code> minutes, <code>_pct</code> per cent; a share "
    "or a probability is from 0 to 1. What cannot be answered comes as a problem document (RFC "
    "9457) that says what to do.</p>"
)


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
        f"{_HOW}{parts}</html>"
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
    text = _parameters(openapi, operation)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        text += f"<h3>Body</h3>{_example(openapi, body['schema'])}"
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if status.startswith("2") and schema:
            text += f"<h3>Answer {status}</h3>{_example(openapi, schema)}"
    refusals = [
        f"{status} {html.escape(answer.get('description', ''))}"
        for status, answer in operation["responses"].items()
        if not status.startswith("2")
    ]
    if refusals:
        text += f"<h3>Problem documents</h3><p>{', '.join(refusals)}</p>"
    head = (
        f"<b>{method.upper()}</b> <code>{html.escape(path)}</code>"
        f"<span>{html.escape(operation.get('description', ''))}</span>"
    )
    return f"<details><summary>{head}</summary>{_scope(operation)}{text}</details>"


def _scope(operation: dict[str, Any]) -> str:
    scopes = [name for one in operation.get("security", []) for name in one.get("HTTPBearer", [])]
    if not scopes:
        return "<p>Needs no token.</p>"
    return f"<p>Needs the scope <code>{html.escape(', '.join(scopes))}</code>.</p>"


def _parameters(openapi: dict[str, Any], operation: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{html.escape(one['name'])}</code>"
        f"<td>in the {one['in']}{', required' if one.get('required') else ''}"
        f"<td>{html.escape(_about(openapi, one))}"
        for one in operation.get("parameters", [])
    ]
    return f"<h3>Parameters</h3><table>{''.join(rows)}</table>" if rows else ""


def _about(openapi: dict[str, Any], parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    kind = schema.get("anyOf", [schema])[0]
    if reference := kind.get("$ref"):
        kind = openapi["components"]["schemas"][reference.rpartition("/")[2]]
    choices = [" or ".join(kind["enum"])] if "enum" in kind else []
    examples = [json.dumps(one, ensure_ascii=False) for one in schema.get("examples", [])[:1]]
    default = [f"default {schema['default']}"] if schema.get("default") is not None else []
    return "; ".join(
        filter(None, (parameter.get("description", "").rstrip("."), *choices, *default, *examples))
    )


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
    if "default" in schema:
        return schema["default"]
    return _TYPICAL.get(schema.get("format") or schema.get("type", ""), "...")
