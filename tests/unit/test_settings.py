"""Settings are checked once, before anything is paid for."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
import yaml
from jobforge.errors import SettingsError
from jobforge.settings import Mode, Settings


def test_defaults() -> None:
    """Nothing set: auto mode, the default model, 200 calls and 5 dollars at most."""
    settings = Settings.from_config({})
    assert settings == Settings()
    assert (settings.mode, settings.model) == ("auto", "gpt-4o-2024-08-06")
    assert (settings.max_calls, settings.max_tokens, settings.max_cost_usd) == (200, None, 5)
    assert settings.temperature is None
    assert (settings.reask_stale, settings.reask_refused, settings.price_waiver) == (False,) * 3
    assert settings.on_fatal == "fail"


def test_the_defaults_are_those_of_the_dbt_vars() -> None:
    """What dbt_project.yml says a var is without being set is what the package takes it for."""
    project = Path(__file__).parents[2] / "dbt_project.yml"
    known = yaml.safe_load(project.read_text(encoding="utf-8"))["vars"]
    given = {f"llm_{field.name}": known[f"llm_{field.name}"] for field in fields(Settings)}
    assert Settings.from_config(given) == Settings()


def test_values_may_be_texts() -> None:
    """dbt renders numbers as texts; they are read as numbers."""
    settings = Settings.from_config(
        {
            "llm_mode": " LIVE ",
            "llm_model": "a-model",
            "llm_max_calls": "7",
            "llm_max_output_tokens": "99",
            "llm_max_tokens_parameter": "max_tokens",
            "llm_temperature": "0",
            "llm_timeout_seconds": "1.5",
            "llm_text_bounds": "on",
            "llm_max_cost_usd": "0.10",
            "llm_max_tokens": "1000",
            "llm_prices": '{"a-model": {"input": 1, "output": 2}}',
            "llm_price_waiver": "True",
            "llm_requests_per_minute": "60",
            "llm_tokens_per_minute": "9000",
            "llm_max_in_flight": "3",
            "llm_reask_stale": "true",
            "llm_reask_refused": "on",
            "llm_on_fatal": "WARN",
            "llm_wait_for_others_seconds": "0.5",
        }
    )
    assert settings == Settings(
        mode="live",
        model="a-model",
        max_calls=7,
        max_output_tokens=99,
        max_tokens_parameter="max_tokens",
        temperature=0.0,
        timeout_seconds=1.5,
        text_bounds="on",
        max_cost_usd=Decimal("0.10"),
        max_tokens=1000,
        prices='{"a-model": {"input": 1, "output": 2}}',
        price_waiver=True,
        requests_per_minute=60,
        tokens_per_minute=9000,
        max_in_flight=3,
        reask_stale=True,
        reask_refused=True,
        on_fatal="warn",
        wait_for_others_seconds=0.5,
    )


def test_every_field_has_its_variable() -> None:
    """No setting is beyond the reach of a dbt var: each can be set to its own default."""
    config = {f"llm_{field.name}": getattr(Settings(), field.name) for field in fields(Settings)}
    assert Settings.from_config(config) == Settings()


@pytest.mark.parametrize("mode", get_args(Mode))
def test_every_mode_can_be_named(mode: str) -> None:
    """auto, off, plan, live and replay."""
    assert Settings.from_config({"llm_mode": mode.upper()}).mode == mode


@pytest.mark.parametrize("name", ["reask_stale", "reask_refused", "price_waiver"])
@pytest.mark.parametrize(("given", "meant"), [(True, True), (False, False), ("off", False)])
def test_a_switch_is_on_or_off(name: str, given: object, meant: bool) -> None:
    """A switch takes YAML's booleans and words alike."""
    assert getattr(Settings.from_config({f"llm_{name}": given}), name) is meant


@pytest.mark.parametrize("off", [False, "False", "off", "OFF"])
def test_off_survives_yaml(off: object) -> None:
    """YAML reads a bare off as false, and it still means off."""
    settings = Settings.from_config({"llm_mode": off, "llm_text_bounds": off})
    assert (settings.mode, settings.text_bounds) == ("off", "off")


@pytest.mark.parametrize("absent", [None, "", "None", "null"])
def test_absent_means_default(absent: object) -> None:
    """A variable that is null or empty keeps its default."""
    config = dict.fromkeys(("llm_mode", "llm_model", "llm_max_calls", "llm_temperature"), absent)
    assert Settings.from_config(config) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("llm_mode", "dry"),
        ("llm_mode", True),
        ("llm_max_calls", "-1"),
        ("llm_max_calls", "many"),
        ("llm_max_calls", "1.5"),
        ("llm_max_output_tokens", 0),
        ("llm_max_tokens_parameter", "tokens"),
        ("llm_temperature", 3),
        ("llm_temperature", "nan"),
        ("llm_timeout_seconds", 0),
        ("llm_timeout_seconds", "nan"),
        ("llm_timeout_seconds", "inf"),
        ("llm_temperature", "inf"),
        ("llm_text_bounds", "maybe"),
        ("llm_schema_cells", "short"),
        ("llm_max_cost_usd", "cheap"),
        ("llm_max_tokens", "1e6"),
        ("llm_price_waiver", "perhaps"),
        ("llm_requests_per_minute", "fast"),
        ("llm_tokens_per_minute", "1.5"),
        ("llm_max_in_flight", 0),
        ("llm_reask_stale", "sometimes"),
        ("llm_reask_refused", 1),
        ("llm_on_fatal", "ignore"),
        ("llm_wait_for_others_seconds", "-1"),
        ("llm_wait_for_others_seconds", "nan"),
        ("llm_wait_for_others_seconds", "inf"),
        ("llm_batch_wait_seconds", "inf"),
        ("llm_batch_wait_seconds", "nan"),
        ("llm_moed", "live"),
        ("mode", "live"),
    ],
)
def test_a_value_without_meaning_stops_the_run(name: str, value: object) -> None:
    """The error names the variable."""
    with pytest.raises(SettingsError, match=name):
        Settings.from_config({name: value})


@pytest.mark.parametrize(
    ("given", "effort", "sent"),
    [
        ("", "auto", {"temperature": 0.5}),
        (None, "auto", {"temperature": 0.5}),
        ("none", "none", {"temperature": 0.5, "reasoning_effort": "none"}),
        ("LOW", "low", {"reasoning_effort": "low"}),
    ],
)
def test_a_model_that_reasons_takes_no_temperature(
    given: str | None, effort: str, sent: dict[str, object]
) -> None:
    """`none` is an effort and not the absence of one; what is sent is what changes answers."""
    settings = Settings.from_config({"llm_temperature": "0.5", "llm_reasoning_effort": given})
    assert settings.reasoning_effort == effort
    assert settings.answer_parameters == sent


@pytest.mark.parametrize(("budget", "mode"), [("3", "live"), ("0", "off")])
def test_twins_are_asked_as_the_run_would_ask(budget: str, mode: str) -> None:
    """Every setting is the run's but the budget; only answers of the other schema do not count."""
    given = Settings(mode="live", model="a-model", temperature=0.5, schema_cells="shared")
    twins = replace(given.of_backtest(budget), model="another")
    assert (given.takes_other_cells, twins.takes_other_cells) == (True, False)
    assert (twins.model, twins.mode) == ("another", mode)
    for field in fields(Settings):
        if field.name not in ("model", "mode", "max_cost_usd"):
            assert getattr(twins, field.name) == getattr(given, field.name)
