"""The REST interface of a collector on a loop-back port, for whoever asks it over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from zaigang_collector.bootstrap import http


@contextlib.contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The address of `app`. Connections wait in the listener until it has started."""
    listener = http.listen("127.0.0.1", 0, "test")
    server = http.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.port_of(listener)}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
