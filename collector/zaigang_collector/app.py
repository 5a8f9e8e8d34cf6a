"""The REST interface put together. Everything that it works with is handed in."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from zaigang_collector.api import (
    accounts,
    alerts,
    assessments,
    attendance,
    business_events,
    cases,
    clock_in_files,
    clock_ins,
    clues,
    device_settings,
    devices,
    directory,
    docs,
    entrance,
    exemptions,
    fleet,
    hooks,
    ledger,
    looks,
    operations,
    papers,
    problems,
    readings,
    rules,
    sources,
    witness,
    work_logs,
)
from zaigang_collector.api.deps import Services, readable
from zaigang_collector.devices.body_limit import BodyLimit
from zaigang_shared import __version__

PREFIX: Final = "/api/v1"
# 500 clock-ins with the largest vendor record that is taken. Larger lets a client fill the memory;
# smaller refuses a full batch.
MAX_BODY_BYTES: Final = 12 * 1024 * 1024


def api_app(services: Services) -> FastAPI:
    """An ASGI application."""
    app = FastAPI(
        title="zaigang",
        version=__version__,
        description="Signed workplace-presence readings, from device to verdict. A verdict is a "
        "question with its evidence, for a person to look at; never a decision about somebody. "
        "结论只是附有依据的疑问，供人判断，从不替人作决定。",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(readable)],
    )
    app.state.services = services
    # What FastAPI writes by itself calls a 422 something that this interface never sends.
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's own advice
    for router in (
        directory.sites,
        directory.people,
        devices.router,
        device_settings.router,
        clock_ins.router,
        *attendance.routers,
        exemptions.router,
        clock_in_files.router,
        business_events.router,
        work_logs.router,
        hooks.router,
        assessments.router,
        alerts.router,
        rules.router,
        readings.router,
        fleet.router,
        sources.router,
        ledger.router,
        looks.router,
        cases.router,
        papers.router,
        clues.router,
        entrance.doors,
        entrance.router,
        accounts.router,
    ):
        app.include_router(router, prefix=PREFIX)
    app.include_router(ledger.log)
    app.include_router(operations.router)
    app.include_router(witness.router)
    app.add_api_route(
        f"{PREFIX}/docs", _docs(app), include_in_schema=False, response_class=HTMLResponse
    )
    problems.install(app)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = problems.described(
            get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
        )
    return app.openapi_schema


def _docs(app: FastAPI) -> Any:
    def page() -> str:
        """The interface described for people."""
        return docs.render(app.openapi())

    return page
