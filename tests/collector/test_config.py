"""Settings: one table in code, errors that name the setting."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector import config
from zaigang_collector.config import SETTINGS, DataDirectory, Settings
from zaigang_collector.errors import ConfigError


def test_without_a_word_everything_has_its_default() -> None:
    assert config.parse("", "collector.toml") == Settings()


def test_the_table_of_settings_is_complete_and_every_default_is_allowed() -> None:
    assert [setting.name for setting in SETTINGS] == [
        field.name for field in dataclasses.fields(Settings)
    ]
    for setting in SETTINGS:
        line = f"{setting.name} = {setting.default!r}".replace("'", '"')
        assert config.parse(line, "x") == Settings()
        assert setting.sentence.endswith(".")
        assert setting.expected


def test_a_rendered_file_loads_to_the_same_settings() -> None:
    settings = Settings(public_host="zg.example.com", mqtt_port=0, database_url='sqlite:///a"b\\c')
    text = config.render(settings)
    assert config.parse(text, "x") == settings
    assert "# api_port = 8470" in text


@given(st.text(max_size=50))
def test_any_database_url_survives_being_written(text: str) -> None:
    settings = Settings(database_url=text)
    assert config.parse(config.render(settings), "x") == settings


def test_a_misspelt_setting_is_refused_with_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"no setting api_prot; did you mean api_port\?"):
        config.parse("api_prot = 1", "collector.toml")


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse('api_port = "8470"\nbroker = "mosquitto"\nnothing = 1', "collector.toml")
    text = str(caught.value)
    assert "collector.toml" in text
    assert "api_port must be a whole number from 0 to 65535, not '8470'" in text
    assert 'broker must be one of "embedded", "external"' in text
    assert "no setting nothing" in text


@pytest.mark.parametrize(
    "line",
    [
        "api_port = true",
        "api_port = 70000",
        "api_port = -1",
        "api_port = 1.5",
        'public_host = ""',
        'public_host = "https://zg.example.com"',
        'public_host = "zg.example.com:8471"',
        "public_host = 5",
        "certificate_days = 399",
        "margin_min = 241",
        "[table]\nx = 1",
    ],
)
def test_a_value_out_of_bounds_is_refused(line: str) -> None:
    with pytest.raises(ConfigError):
        config.parse(line, "collector.toml")


def test_an_ipv6_address_is_a_host() -> None:
    assert config.parse('public_host = "2001:db8::1"', "x").public_host == "2001:db8::1"


def test_what_is_not_toml_is_named_with_its_line() -> None:
    with pytest.raises(ConfigError, match="line 2"):
        config.parse("api_port = 1\n= 2", "collector.toml")


def test_a_directory_without_settings_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="zaigang-collector init"):
        config.load(DataDirectory(tmp_path))


def test_settings_that_are_not_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "collector.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(DataDirectory(tmp_path))


def test_the_database_is_in_the_data_directory_unless_said_otherwise(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    assert config.database_url(Settings(), directory) == f"sqlite:///{tmp_path / 'zaigang.db'}"
    other = Settings(database_url="postgresql+psycopg://u@h/d")
    assert config.database_url(other, directory) == "postgresql+psycopg://u@h/d"


def test_work_applications_are_process_names_by_label() -> None:
    text = "邮件=thunderbird, outlook；CAD=acad;"
    assert config.work_apps(text) == {"邮件": ["thunderbird", "outlook"], "CAD": ["acad"]}
    assert config.work_apps("") == {}


@pytest.mark.parametrize(
    "text", ["CAD", "CAD=", "=acad", "CAD=acad;CAD=other", "CAD=a,,b", f"CAD={'a' * 65}", "C\nD=a"]
)
def test_work_applications_that_no_device_could_be_told_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="work_apps must be LABEL=process"):
        config.parse(f"work_apps = {json.dumps(text)}", "collector.toml")
