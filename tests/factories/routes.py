"""Every route that an application has, also those that its own description leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

PREFIX = "/api/v1"


def calls(app: FastAPI) -> dict[str, frozenset[str] | None]:
    """`METHOD /path` without the prefix -> the scopes of its `needs`; None: it asks for nobody."""
    found: dict[str, frozenset[str] | None] = {}
    for route in _walk(app.routes):
        assert isinstance(route, Route | APIRoute), route  # another kind would escape us
        scopes = _scopes(route) if isinstance(route, APIRoute) else None
        for method in sorted((route.methods or set()) - {"HEAD"}):
            call = f"{method} {route.path.removeprefix(PREFIX)}"
            assert call not in found, call
            found[call] = scopes
    return found


def _walk(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from _walk(inner.routes)


def _scopes(route: APIRoute) -> frozenset[str] | None:
    """What `needs` was given, read off the dependencies that FastAPI will really call."""
    asked = []
    waiting = list(route.dependant.dependencies)
    while waiting:
        one = waiting.pop()
        waiting += one.dependencies
        if getattr(one.call, "__qualname__", "").startswith("needs.<locals>"):
            asked.append(frozenset(s for d in one.dependencies for s in d.own_oauth_scopes or ()))
    assert len(asked) <= 1, (route.path, asked)
    return asked[0] if asked else None
