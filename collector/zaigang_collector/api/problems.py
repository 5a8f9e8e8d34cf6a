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
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger(__name__)


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
    app.add_exception_handler(Exception, _from_bug)


def _from_route(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)  # noqa: S101  # what the handler is registered for
    return answer(error.status, error.detail, error.errors, error.headers)


def _from_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # what the handler is registered for
    detail = {
        404: f"Nothing is at {request.url.path}. The interface is described at /api/v1/docs.",
        405: f"{request.method} is not possible here; the Allow header says what is.",
    }.get(error.status_code, str(error.detail))
    return answer(error.status_code, detail, (), error.headers)


def _from_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # as registered
    wrong = [Wrong(where=_where(item["loc"]), expected=item["msg"]) for item in error.errors()]
    detail = f"{len(wrong)} thing(s) are wrong with the request; nothing was changed."
    return answer(422, detail, wrong)


def _from_bug(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(
        500,
        "The collector made a mistake; its log says which. Nothing was changed by this request.",
    )


def _where(location: Sequence[int | str]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


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
