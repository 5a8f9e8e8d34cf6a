"""People with accounts, signed in over the interface or put there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tests.factories.api_world import ApiWorld
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.access import accounts, secrets, sessions, totp
from zaigang_collector.access.journal import By
from zaigang_collector.access.login import Doors
from zaigang_collector.access.passwords import Hasher
from zaigang_collector.access.people import How
from zaigang_collector.access.roles import Grant
from zaigang_collector.api.deps import COOKIE

PASSWORD = "correct horse battery staple"
CHEAP = Hasher(1, 8, 1)


@dataclass
class Someone:
    """An account, and what opens it."""

    world: ApiWorld
    id: str
    name: str
    secret: bytes
    recovery: tuple[str, ...]

    def code(self, steps: int = 0) -> str:
        """What the authenticator shows now, or so many steps later."""
        return totp.code(self.secret, self.world.clock.utc // 1000 // totp.STEP_S + steps)

    def body(self, **other: str) -> dict[str, str]:
        """What they type."""
        return {"name": self.name, "password": PASSWORD, "code": self.code(), **other}

    def headers(self) -> dict[str, str]:
        """Of a new session, put there without the door."""
        with db.writing(self.world.engine) as conn:
            now_ms = self.world.clock.utc
            text = sessions.start(conn, self.id, How.PASSWORD, now_ms, self.world.randomness)
        return session_headers(text)


def by(world: ApiWorld, who: str = "command line, root") -> By:
    """Somebody who does something now."""
    return By(who, world.clock.utc, world.randomness)


def doors(world: ApiWorld) -> Doors:
    """As the interface has them."""
    return Doors(world.engine, VAULT, CHEAP, world.randomness)


def session_headers(text: str) -> dict[str, str]:
    """What a browser and a page of ours send."""
    read = secrets.read(sessions.PREFIX, text)
    assert read is not None
    return {"cookie": f"{COOKIE}={text}", "zaigang-csrf": read.derived("zaigang/csrf/1")}


def someone(world: ApiWorld, name: str, *grants: Grant, employee: str | None = None) -> Someone:
    """An account with password and second factor."""
    with db.writing(world.engine) as conn:
        made = accounts.create(conn, name, employee, grants, by(world))
        accounts.set_password(conn, made.id, CHEAP.hash(PASSWORD), by(world), first=False)
        factor = accounts.set_second_factor(conn, VAULT, made.id, by(world))
    query = parse_qs(urlsplit(factor.uri).query)
    return Someone(world, made.id, name, _unbase32(query["secret"][0]), factor.recovery)


def give(world: ApiWorld, account_id: str, grants: Iterable[Grant]) -> None:
    """Other roles."""
    with db.writing(world.engine) as conn:
        accounts.set_roles(conn, account_id, grants, by(world))


def _unbase32(text: str) -> bytes:
    import base64

    return base64.b32decode(text + "=" * (-len(text) % 8))
