"""What steers a run; every field is a dbt var of the same name with `llm_` before it.

A setting is checked once, here, so that a typing error stops the run before any call is paid for.
The API key is no setting: it is read from the environment by the client and by nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, cast, get_args

from jobforge.errors import SettingsError

__all__ = ["DEFAULT_MODEL", "MaxTokensParameter", "Mode", "OnFatal", "Settings", "TextBounds"]

DEFAULT_MODEL = "gpt-4o-2024-08-06"

Mode = Literal["auto", "off", "plan", "live", "batch", "replay"]
OnFatal = Literal["fail", "warn"]
MaxTokensParameter = Literal["auto", "max_tokens", "max_completion_tokens"]
TextBounds = Literal["auto", "on", "off"]

# YAML reads a bare `off` as false and a bare `on` as true.
_YAML_BOOLEANS = {"true": "on", "false": "off"}


@dataclass(frozen=True, slots=True)
class Settings:
    """How the model is asked.

    mode: `live` calls the API, `batch` calls it through batches that a later run collects, `plan`
        prices what would be asked, `replay` takes the answers that there are, of any model, `off`
        does so without the recording, and `auto` is live where OPENAI_API_KEY or OPENAI_BASE_URL is
        set, else replay.
    model: the model's name, as the server knows it.
    max_calls, max_tokens, max_cost_usd: what one run may send and spend; what is left waits.
    prices: prices of models beside the seed's, in US dollars per million tokens, as JSON.
    price_waiver: lets a model without a price be asked, within the other caps.
    requests_per_minute, tokens_per_minute: limits to keep, where replies do not name them.
    max_in_flight: requests that may be in flight at once.
    reask_stale: asks again where the evidence has changed. reask_refused: where the model refused.
    on_fatal: whether a fault that every call would meet fails the run or only warns.
    wait_for_others_seconds: how long to wait for cells that another run is asking.
    batch_wait_seconds: how long a run waits for its batches to end; 0 leaves them to the next one.
    max_output_tokens: the most tokens a reply may have; a longer one is a failed cell.
    max_tokens_parameter: the name of that limit in the request. `auto` takes OpenAI's current
        `max_completion_tokens` for OpenAI's and Azure's own hosts, whose reasoning models refuse
        the older name, and `max_tokens` for every other server, some of which know only that.
    temperature: sent only where it is set, because reasoning models refuse it.
    timeout_seconds: how long one request may take.
    text_bounds: whether the schema bounds the length of texts, and numbers. `auto` does so for
        servers on this machine; OpenAI's and Azure's strict mode refuses such a schema.
    """

    mode: Mode = "auto"
    model: str = DEFAULT_MODEL
    max_calls: int = 200
    max_output_tokens: int = 4096
    max_tokens_parameter: MaxTokensParameter = "auto"
    temperature: float | None = None
    timeout_seconds: float = 300.0
    text_bounds: TextBounds = "auto"
    max_cost_usd: Decimal = Decimal(5)
    max_tokens: int | None = None
    prices: str = "{}"
    price_waiver: bool = False
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_in_flight: int = 64
    reask_stale: bool = False
    reask_refused: bool = False
    on_fatal: OnFatal = "fail"
    wait_for_others_seconds: float = 90.0
    batch_wait_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise SettingsError("llm_model is empty: name a model that the server knows")
        if self.max_calls < 0:
            raise SettingsError(f"llm_max_calls is {self.max_calls}: it must be 0 or more")
        if self.max_output_tokens < 1:
            raise SettingsError(
                f"llm_max_output_tokens is {self.max_output_tokens}: it must be 1 or more"
            )
        if not 0 < self.timeout_seconds < math.inf:
            raise SettingsError(
                f"llm_timeout_seconds is {self.timeout_seconds}: it must be a number above 0"
            )
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            raise SettingsError(f"llm_temperature is {self.temperature}: it must be 0 to 2 or null")
        if self.max_in_flight < 1:
            raise SettingsError(f"llm_max_in_flight is {self.max_in_flight}: it must be 1 or more")
        for name in ("wait_for_others_seconds", "batch_wait_seconds"):
            seconds = getattr(self, name)
            if not 0 <= seconds < math.inf:
                raise SettingsError(f"llm_{name} is {seconds}: it must be a number, 0 or more")

    def bounds_texts(self, is_local: bool) -> bool:
        """Say whether the schema bounds texts, for a server on this machine or elsewhere."""
        return is_local if self.text_bounds == "auto" else self.text_bounds == "on"

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Settings:
        """Return the settings in a dbt configuration; its names have `llm_` before them.

        A name that is absent or null keeps its default. Raises SettingsError for a value that has
        no meaning and for a name that is no setting.
        """
        given: dict[str, Any] = {}
        for name, value in config.items():
            field = name.removeprefix("llm_")
            if field not in _READERS or not name.startswith("llm_"):
                known = ", ".join(f"llm_{known}" for known in _READERS)
                raise SettingsError(f"{name} is not a setting; the settings are {known}")
            if value is None or str(value).strip().lower() in ("", "none", "null"):
                continue
            given[field] = _READERS[field](name, str(value).strip())
        return cls(**given)


def _choice(name: str, text: str, choices: tuple[str, ...]) -> str:
    word = _YAML_BOOLEANS.get(text.lower(), text.lower())
    if word not in choices:
        raise SettingsError(f"{name} is {text!r}: it must be one of {', '.join(choices)}")
    return word


def _mode(name: str, text: str) -> Mode:
    return cast(Mode, _choice(name, text, get_args(Mode)))


def _max_tokens_parameter(name: str, text: str) -> MaxTokensParameter:
    return cast(MaxTokensParameter, _choice(name, text, get_args(MaxTokensParameter)))


def _text_bounds(name: str, text: str) -> TextBounds:
    return cast(TextBounds, _choice(name, text, get_args(TextBounds)))


def _text(_name: str, text: str) -> str:
    return text


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SettingsError(f"{name} is {text!r}: it must be a whole number") from None


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"{name} is {text!r}: it must be a number") from None


def _decimal(name: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise SettingsError(f"{name} is {text!r}: it must be a number") from None


def _flag(name: str, text: str) -> bool:
    return _choice(name, text, ("on", "off")) == "on"


def _on_fatal(name: str, text: str) -> OnFatal:
    return cast(OnFatal, _choice(name, text, get_args(OnFatal)))


_READERS = {
    "mode": _mode,
    "model": _text,
    "max_calls": _integer,
    "max_output_tokens": _integer,
    "max_tokens_parameter": _max_tokens_parameter,
    "temperature": _number,
    "timeout_seconds": _number,
    "text_bounds": _text_bounds,
    "max_cost_usd": _decimal,
    "max_tokens": _integer,
    "prices": _text,
    "price_waiver": _flag,
    "requests_per_minute": _integer,
    "tokens_per_minute": _integer,
    "max_in_flight": _integer,
    "reask_stale": _flag,
    "reask_refused": _flag,
    "on_fatal": _on_fatal,
    "wait_for_others_seconds": _number,
    "batch_wait_seconds": _number,
}
