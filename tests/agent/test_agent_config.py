"""agent.toml: each setting documented, each mistake explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from zaigang_agent import config
from zaigang_agent.config import SETTINGS, LocalConfig
from zaigang_agent.errors import ConfigError


def test_no_file_means_all_defaults() -> None:
    assert config.parse("", "agent.toml") == LocalConfig()


def test_every_setting_has_a_sentence_and_its_real_default() -> None:
    names = [setting.name for setting in SETTINGS]
    assert len(names) == len(set(names)) >= 12
    for setting in SETTINGS:
        value: object = LocalConfig()
        for part in setting.name.split("."):
            value = getattr(value, part)
        assert value == setting.default
        assert setting.sentence.endswith(".")
        assert "|" not in setting.sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "not TOML"),
        ("state_dirr = 'x'", "no setting state_dirr; did you mean state_dir"),
        ("[spool]\nmaxmb = 1", "no setting spool.maxmb; did you mean spool.max_mb"),
        ("quux = 1", "settings are state_dir, collector_url"),
        ("[spool]\nmax_mb = 0", "spool.max_mb: expected `int` >= 1"),
        ("[spool]\nmax_mb = 'much'", "spool.max_mb: expected `int`, got `str`"),
        ("log_level = 'loud'", "log_level: invalid enum value 'loud'"),
        ("[folders]\nwork = 'relative'", "folders.work must be an absolute path"),
        ("[platform]\nkind = 'scripted'", "needs platform.script"),
    ],
)
def test_each_mistake_names_the_setting_and_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"agent\.toml: ") as caught:
        config.parse(text, "agent.toml")
    assert said in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml"):
        config.load(tmp_path / "missing.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"binary\.toml"):
        config.load(tmp_path / "binary.toml")


def test_the_state_folder_is_the_one_given_then_set_then_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/from-systemd:/var/lib/other")
    set_ = LocalConfig(state_dir="/srv/zaigang")
    assert config.state_dir(set_, tmp_path) == tmp_path
    assert config.state_dir(set_, None) == Path("/srv/zaigang")
    assert config.state_dir(LocalConfig(), None) == Path("/var/lib/from-systemd")


def test_systemds_configuration_folder_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agent.toml").write_text("log_level = 'error'")
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))
    assert config.load(None).log_level == "error"
