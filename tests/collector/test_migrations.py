"""The schema: what the migrations make is what the code says, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from tests.factories.devices import a_request, a_token, an_issuer, stored_laptop, stored_node
from tests.factories.directory import NOW_MS
from tests.factories.vault import VAULT, a_vault
from tests.fakes import database, postgres
from tests.fakes.randomness import Repeatable
from zaigang_collector import db, migrations
from zaigang_collector.access import service as access
from zaigang_collector.access.model import Principal, Scope
from zaigang_collector.devices import enrolment
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import csv_import
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import CsvError, EnrolmentError, ForgottenError, SchemaError
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.master import FileMaster
from zaigang_collector.vault.model import person

METADATA = database.all_tables()
NEEDS_POSTGRES = [
    pytest.mark.postgresql,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing()),
]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRES)], scope="module")
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('migrations') / 'test.db'}"
        return
    with postgres.server() as server_url:
        yield server_url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An empty database; empty again afterwards, by the downgrade."""
    engine = db.open_engine(url)
    yield engine
    migrations.downgrade(engine, "base")
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_the_migrations_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    migrations.upgrade(engine)
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        differences = compare_metadata(context, METADATA)
    assert differences == []


def test_going_back_and_forth_ends_where_it_was(engine: Engine) -> None:
    migrations.upgrade(engine)
    migrations.upgrade(engine)
    migrations.downgrade(engine, "base")
    migrations.upgrade(engine)
    migrations.check(engine)


def test_a_schema_of_another_version_is_told_apart(engine: Engine) -> None:
    with pytest.raises(SchemaError, match="zaigang-collector init"):
        migrations.check(engine)
    migrations.upgrade(engine)
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="newer"):
        migrations.check(engine)
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(SchemaError, match="zaigang-collector upgrade"):
        migrations.check(engine)
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '0012'"))
    migrations.check(engine)


def test_who_was_contradicted_before_an_upgrade_counts_as_absent_after_it(engine: Engine) -> None:
    """Else the audit would call each of them a column that somebody edited, and of many who are
    absent at once only the new ones would be counted."""
    migrations.upgrade(engine, "0001")
    before = sa.Table("assessment_assessment", sa.MetaData(), autoload_with=engine)
    row: dict[str, object] = dict.fromkeys((column.name for column in before.columns), 1)
    row |= {"newest": True, "provisional": False, "withdrawn_ms": None}
    row |= dict[str, object].fromkeys(("body", "body_hash", "evidence_hash"), b"x")
    row |= dict[str, object].fromkeys(("employee_id", "site_id", "work", "policy_hash"), "x")
    with engine.begin() as conn:
        for presence in ("contradicted", "confirmed", "unverified"):
            conn.execute(sa.insert(before), [row | {"id": f"as-{presence}", "presence": presence}])
    migrations.upgrade(engine)
    with engine.begin() as conn:
        query = sa.text("SELECT presence FROM assessment_assessment WHERE absent")
        assert conn.scalars(query).all() == ["contradicted"]


def test_an_upgrade_that_fails_leaves_nothing(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(sa.text("CREATE TABLE ledger_entry (x INTEGER)"))
    with pytest.raises(sa.exc.DBAPIError, match="already exists"):
        migrations.upgrade(engine)
    left = set(sa.inspect(engine).get_table_names())
    with engine.begin() as conn:
        conn.execute(sa.text("DROP TABLE ledger_entry"))
    assert left - {"alembic_version"} == {"ledger_entry"}
    migrations.upgrade(engine)


def test_the_ground_works_on_the_migrated_schema(engine: Engine) -> None:
    """One walk through directory, access, devices and ledger, for the sake of the other dialect."""
    migrations.upgrade(engine)
    random, issuer = Repeatable("walk"), an_issuer(seed="walk")
    sites = "id,name,time_zone,latitude,longitude,datum,radius_m\nhq,总部,Asia/Shanghai,31.2,121.5,GCJ-02,150\n"
    with db.writing(engine) as conn:
        for _ in range(2):
            csv_import.import_sites(conn, VAULT, sites, NOW_MS, bytes(32), random)
        laptop, node = stored_laptop(conn, issuer=issuer), stored_node(conn, issuer=issuer)
        text = access.create(conn, "x", [Scope.READ_DIRECTORY], NOW_MS, None, random)
    with pytest.raises(CsvError), db.writing(engine) as conn:
        csv_import.import_sites(conn, VAULT, "id\n", NOW_MS, bytes(32), random)
    token = None
    with db.writing(engine) as conn:
        token = a_token(conn, issuer)
        enrolment.enrol(conn, token, a_request("second"), NOW_MS, issuer)
        devices.revoke(conn, laptop.id, "lost", NOW_MS + 5, random)
    with pytest.raises(EnrolmentError), db.writing(engine) as conn:
        enrolment.enrol(conn, token, a_request("third"), NOW_MS, issuer)
    with db.writing(engine) as conn:
        vault = a_vault()
        sealed = vault.seal(conn, person("e001"), b"body", b"here", NOW_MS)
        vault.rewrap(conn, FileMaster(bytes(32)))
    with db.reading(engine) as conn:
        assert a_vault(FileMaster(bytes(32))).open(conn, sealed, b"here") == b"body"
    with db.writing(engine) as conn:
        assert vault.destroy(conn, person("e001"), NOW_MS) == 1
    with db.reading(engine) as conn, pytest.raises(ForgottenError):
        vault.open(conn, sealed, b"here")
    with db.reading(engine) as conn:
        assert isinstance(access.check(conn, text, NOW_MS), Principal)
        assert [site.id for site in directory.list_sites(conn)] == ["hq", "lujiazui"]
        assert [one.id for one in devices.nodes_of_site(conn, "lujiazui")] == [node.id]
        assert len(devices.devices_of_employee(conn, "e001", NOW_MS, NOW_MS + 9)) == 2
        assert devices.public_keys(conn)[laptop.id].revoked_ms == NOW_MS + 5
        kinds = [entry.type.value for entry in ledger.entries(conn)]
    assert kinds.count("directory_event") == 3
    assert kinds.count("device_event") == 4


def test_every_table_is_named_after_its_area() -> None:
    areas = {path.name for path in Path(db.__file__).parent.iterdir() if path.is_dir()}
    assert {name.split("_")[0] for name in METADATA.tables} <= areas
