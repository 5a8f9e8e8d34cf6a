"""Whether a text names a client: in all the ways in which people write a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from zaigang_collector import bootstrap
from zaigang_collector.bootstrap.connecting import Connecting
from zaigang_collector.bootstrap.texts import texts_of
from zaigang_collector.config import Settings
from zaigang_collector.errors import ConfigError
from zaigang_collector.worktraces import clients
from zaigang_collector.worktraces.clients import Found, Texts

FILE = """
everywhere = ["华远集团", "ACME Robotics"]
[sites]
bund = ["外滩 银行", "UPS"]
lab = []
"""
TEXTS = clients.parse(FILE, "clients.toml")


@pytest.mark.parametrize(
    "text",
    [
        "上午在华远集团调试设备",
        "拜访【华远 集团】王工",
        "华远\n集团那边验收完成",
        "visited Acme  robotics today",
        "ＡＣＭＥ　Robotics现场支持",
        "为acme robotics升级",
        "acme robotics，下午回公司",
    ],
)
def test_a_client_is_found_however_it_is_written(text: str) -> None:
    assert TEXTS.searched(text, None) == Found(True, None)


@pytest.mark.parametrize("text", ["在华远附近办事", "acme roboticsx", "xacme robotics", "ACME"])
def test_what_only_looks_like_a_name_is_none(text: str) -> None:
    assert TEXTS.searched(text, "lab").names_client is False


def test_a_name_of_one_site_counts_where_the_log_is_about_that_site_or_about_none() -> None:
    said = "去外滩银行驻场"
    assert TEXTS.searched(said, "bund").names_client is True
    assert TEXTS.searched(said, None).names_client is True
    assert TEXTS.searched(said, "lab").names_client is False
    assert TEXTS.searched("two groups of people", "bund").names_client is False
    assert TEXTS.searched("two groups, then UPS", "bund").names_client is True


@pytest.mark.parametrize("text", [None, "", " \n\t"])
def test_no_text_is_no_answer(text: str | None) -> None:
    assert TEXTS.searched(text, None) == Found(None, None)


def test_without_names_to_look_for_nothing_is_said() -> None:
    assert Texts().searched("在华远集团", None) == Found(None, None)
    only_there = Texts(by_site={"bund": ("华远集团",)})
    assert only_there.searched("在华远集团", "lab").names_client is None


def test_a_text_is_kept_only_where_that_is_turned_on() -> None:
    text = "在 华远集团 ABC"
    assert Texts(("华远集团",), keep=True).searched(text, None) == Found(True, text)
    assert Texts(keep=True).searched(text, None) == Found(None, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("everywhere = [", "is not TOML"),
        ("everywhere = '华远'", "everywhere: expected"),
        ("everywhere = [3]", "everywhere: expected"),
        ("everywhere = ['华远', '华']", "everywhere, name 2: expected 2 to 100 characters"),
        ("everywhere = [' ']", "name 1"),
        ("sites = 3", "sites: expected"),
        ("[sites]\nbund = '华远'", "sites.bund: expected"),
        ("clients = []", "clients: expected"),
        (f"everywhere = {[f'client {n}' for n in range(2001)]}", "more than 2000 names"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        clients.parse(text, "clients.toml")
    assert str(refused.value).startswith("clients.toml")
    assert "华" not in str(refused.value)


def test_a_collector_reads_its_names_from_its_data_directory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    bootstrap.init(data, Settings(work_log_text="keep"))
    with bootstrap.opened(data) as collector:
        assert texts_of(collector) == Texts(keep=True)
        (data / "clients.toml").write_text(FILE, encoding="utf-8")
        assert texts_of(collector).searched("华远集团", None) == Found(True, "华远集团")
        (data / "clients.toml").write_bytes(b"\xff")
        with pytest.raises(ConfigError, match=r"clients\.toml cannot be read"):
            texts_of(collector)
    (data / "collector.toml").write_text("")
    with bootstrap.opened(data) as collector, pytest.raises(ConfigError, match="clients"):
        Connecting(collector)
