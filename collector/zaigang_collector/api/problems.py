"""One shape for every error: RFC 9457 problem documents, also for 404, 405, 422 and 500."""

from __future__ import annotations

import http
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger(__name__)

ERRORS_MAX = 100  # who has more than this to correct reads the first hundred
_WHERE_MAX = 200  # a field's name may be megabytes long, and need not come back
_RETRY_S = 5  # an import is over in seconds; smaller only adds to the crowd


class Wrong(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(examples=["body.items[3].punched_at"])
    expected: str = Field(examples=["a time with its offset, as 2026-09-21T09:00:00+08:00"])


class Problem(BaseModel):
    """RFC 9457 problem document."""

    type: str = Field(description="Names the kind of problem.", examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(
        description="What happened and what to do.",
        examples=["There is no site with this id. GET /api/v1/sites lists them."],
    )
    errors: list[Wrong] = Field(default=[], description="For 422: every field that is wrong.")


class ProblemError(Exception):
    """Raised by a route; becomes the answer."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Wrong] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers


def not_found(what: str, listing: str) -> ProblemError:
    """404 that says where to look."""
    return ProblemError(404, f"There is no {what} with this id. GET {listing} lists them.")


def unseen() -> ProblemError:
    """404 for what is not there and for what is not theirs to see: nobody can tell the two apart."""
    return ProblemError(404, "There is nothing with this id, or nothing that you may see.")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: these statuses answer with a problem document."""
    return {
        status: {
            "model": Problem,
            "description": http.HTTPStatus(status).phrase,
        }
        for status in statuses
    }


def described(openapi: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with every error as what it is: a problem document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    for methods in openapi["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    answer["content"] = {MEDIA_TYPE: {"schema": schema}}
    for unused in ("HTTPValidationError", "ValidationError"):
        openapi["components"]["schemas"].pop(unused, None)
    return openapi


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(ProblemError, _from_route)
    app.add_exception_handler(HTTPException, _from_framework)
    app.add_exception_handler(RequestValidationError, _from_validation)
    app.add_exception_handler(OperationalError, _from_database)
    app.add_exception_handler(NoConnectionError, _from_database)
    app.add_exception_handler(Exception, _from_bug)


def _from_route(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)  # noqa: S101  # what the handler is registered for
    audience = getattr(request.state, "audience", None)
    if error.status == 404 and audience is not None and not audience.everyone:
        error = unseen()
    return answer(error.status, error.detail, error.errors, error.headers)


def _from_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # what the handler is registered for
    if error.status_code == http.HTTPStatus.BAD_REQUEST:  # a body that no parser follows
        wrong = Wrong(where="body", expected="JSON in UTF-8, not nested beyond reason")
        return answer(422, "The body cannot be read; nothing was changed.", [wrong])
    detail = {
        404: f"Nothing is at {request.url.path}. The interface is described at /api/v1/docs.",
        405: f"{request.method} is not possible here; the Allow header says what is.",
    }.get(error.status_code, str(error.detail))
    return answer(error.status_code, detail, (), error.headers)


def _from_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # as registered
    wrong = [_wrong(item) for item in error.errors()]
    told = "One thing is" if len(wrong) == 1 else f"{len(wrong)} things are"
    return answer(422, f"{told} wrong with the request; nothing was changed.", wrong[:ERRORS_MAX])


def _from_database(request: Request, error: Exception) -> JSONResponse:
    _LOG.error(
        "%s %s: the database cannot answer", request.method, request.url.path, exc_info=error
    )
    return answer(
        503,
        "The database is busy or cannot be reached; ask again. The collector's log says more.",
        (),
        {"retry-after": str(_RETRY_S)},
    )


def _from_bug(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(
        500,
        "The collector made a mistake; its log says which. Nothing was changed by this request.",
    )


def _wrong(item: Mapping[str, Any]) -> Wrong:
    """What pydantic says, as what was expected where."""
    where, said = _where(item["loc"]), str(item["msg"])
    if item["type"] == "json_invalid":
        said = f"JSON ({item.get('ctx', {}).get('error', 'it is cut off')})"
        where = f"body, character {item['loc'][-1]}"
    elif item["type"] == "missing":
        said = "a value: this one is required"
    elif item["type"] == "timezone_aware":
        said = "a time with its offset, as 2026-09-21T09:00:00+08:00"
    elif item["type"] == "extra_forbidden":
        said = "nothing of this name"
    for opening in ("Input should be ", "Value error, "):
        said = said.removeprefix(opening)
    return Wrong(where=where, expected=said)


def _where(location: Sequence[int | str]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    text = text.removeprefix(".")
    return text if len(text) <= _WHERE_MAX else text[:_WHERE_MAX] + "…"


def answer(
    status: int,
    detail: str,
    errors: Sequence[Wrong] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document as an answer."""
    problem = Problem(
        type="about:blank",
        title=http.HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=list(errors),
    )
    return JSONResponse(
        problem.model_dump(), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )
