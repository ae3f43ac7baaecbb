"""What steers a run; every field is a dbt var of the same name with `llm_` before it.

A setting is checked once, here, caps and prices included, so that a typing error stops the run
before any call is paid for; its default stands here and nowhere else. The API key is no setting:
it is read from the environment by the client and by nothing else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo
from pydantic.dataclasses import dataclass

from jobforge.errors import SettingsError

__all__ = [
    "DEFAULT_MODEL",
    "MaxTokensParameter",
    "Mode",
    "OnFatal",
    "Price",
    "Rationale",
    "ReasoningEffort",
    "SchemaCells",
    "SchemaFormChoice",
    "Settings",
    "TextBounds",
    "TwinSettings",
    "decimal_of",
]

DEFAULT_MODEL = "gpt-4o-2024-08-06"

Mode = Literal["auto", "off", "plan", "live", "batch", "replay"]
OnFatal = Literal["fail", "warn"]
MaxTokensParameter = Literal["auto", "max_tokens", "max_completion_tokens"]
TextBounds = Literal["auto", "on", "off"]
SchemaFormChoice = Literal["auto", "integers", "strings", "plain"]
SchemaCells = Literal["spelt_out", "shared"]
Rationale = Literal["before", "after", "none"]
ReasoningEffort = Literal["auto", "none", "minimal", "low", "medium", "high", "xhigh", "max"]

_UNSET = ("", "none", "null")
_NONE_IS_A_CHOICE = ("llm_reasoning_effort", "llm_rationale")
# YAML reads a bare `off` as false and a bare `on` as true.
_YAML_BOOLEANS = {"true": "on", "false": "off"}
_PRICES = ("input", "cached_input", "cache_write", "output", "batch_discount")
_HALF = Decimal("0.5")

T = TypeVar("T")


@plain_dataclass(frozen=True, slots=True)
class Price:
    """A model's prices in USD for a million tokens; `batch_discount` 0.5 takes half off.

    cache_write: of tokens of the prompt that the provider writes into its cache; None where they
    cost what plain input costs.
    """

    model: str
    input: Decimal
    cached_input: Decimal
    output: Decimal
    batch_discount: Decimal = Decimal(0)
    as_of: date | None = None
    source: str = ""
    cache_write: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("input", "cached_input", "cache_write", "output"):
            price = getattr(self, name)
            if price is not None and (not price.is_finite() or price < 0):
                raise SettingsError(f"price of {self.model}: {name} is {price}, not a price")
        if not self.batch_discount.is_finite() or not 0 <= self.batch_discount < 1:
            raise SettingsError(f"price of {self.model}: batch_discount must be from 0 to below 1")


def decimal_of(model: str, name: str, value: object) -> Decimal:
    """Return a number of a model's price; raises SettingsError where it is none."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise SettingsError(f"price of {model!r}: {name} is {value!r}, not a number") from None


def _choice(*choices: str) -> BeforeValidator:
    def read(value: object, info: ValidationInfo) -> str:
        word = str(value).lower()
        word = _YAML_BOOLEANS.get(word, word)
        if word not in choices:
            words = ", ".join(choices)
            raise SettingsError(f"llm_{info.field_name} is {value!r}: it must be one of {words}")
        return word

    return BeforeValidator(read)


def _read(kind: Callable[[str], object], called: str) -> BeforeValidator:
    def read(value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        try:
            return kind(value)
        except (ValueError, InvalidOperation):
            raise SettingsError(
                f"llm_{info.field_name} is {value!r}: it must be {called}"
            ) from None

    return BeforeValidator(read)


def _must(be: str, holds: Callable[[Any], bool]) -> AfterValidator:
    def check(value: T, info: ValidationInfo) -> T:
        if not holds(value):
            raise SettingsError(f"llm_{info.field_name} is {value}: it must be {be}")
        return value

    return AfterValidator(check)


def _read_flag(value: object) -> object:
    return value == "on" if isinstance(value, str) else value


def _named(model: str) -> str:
    if not model.strip():
        raise SettingsError("llm_model is empty: name a model that the server knows")
    return model


def _own_prices(given: object) -> dict[str, Price]:
    if isinstance(given, str):
        try:
            given = json.loads(given) if given.strip().lower() not in ("", "none") else None
        except ValueError:
            raise SettingsError(
                "llm_prices cannot be read: it must be a mapping by model"
            ) from None
    if given is not None and not isinstance(given, Mapping):
        raise SettingsError("llm_prices must be a mapping {model: {input: …, output: …}}")
    return {str(model): _own_price(str(model), prices) for model, prices in (given or {}).items()}


def _own_price(model: str, prices: object) -> Price:
    if isinstance(prices, Price):
        return prices
    if not isinstance(prices, Mapping) or "input" not in prices or "output" not in prices:
        raise SettingsError(f"llm_prices of {model!r} must give input and output")
    unknown = [str(name) for name in prices if name not in _PRICES]
    if unknown:
        raise SettingsError(
            f"llm_prices of {model!r} has {', '.join(unknown)}; it may have {', '.join(_PRICES)}"
        )
    numbers = {name: decimal_of(model, name, prices[name]) for name in _PRICES if name in prices}
    return Price(
        model=model,
        input=numbers["input"],
        cached_input=numbers.get("cached_input", numbers["input"]),
        output=numbers["output"],
        batch_discount=numbers.get("batch_discount", _HALF),
        source="llm_prices",
        cache_write=numbers.get("cache_write"),
    )


_WHOLE = _read(int, "a whole number")
_NUMBER = _read(float, "a number")
_Count = Annotated[int, _WHOLE, _must("0 or more", lambda count: count >= 0)]
_Positive = Annotated[int, _WHOLE, _must("1 or more", lambda count: count >= 1)]
_Wait = Annotated[float, _NUMBER, _must("a number, 0 or more", lambda s: 0 <= s < math.inf)]
_Timeout = Annotated[
    float, _NUMBER, _must("a number above 0", lambda seconds: 0 < seconds < math.inf)
]
_Temperature = Annotated[float, _NUMBER, _must("0 to 2 or null", lambda heat: 0 <= heat <= 2)]
_MaxTokensParameter = Annotated[MaxTokensParameter, _choice(*get_args(MaxTokensParameter))]
_Prices = Annotated[Mapping[str, Price], BeforeValidator(_own_prices)]
_Flag = Annotated[bool, BeforeValidator(_read_flag), _choice("on", "off")]
_Usd = Annotated[
    Decimal,
    Field(allow_inf_nan=True),
    _read(Decimal, "a number"),
    _must("0 or more, in US dollars", lambda usd: usd.is_finite() and usd >= 0),
]


def _raising_ours(cls: type[T]) -> type[T]:
    """Let a model raise SettingsError, which says the var's name, and no error of pydantic's."""
    make = cls.__init__

    @wraps(make)
    def init(self: T, *arguments: Any, **named: Any) -> None:
        try:
            make(self, *arguments, **named)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            given = first.get("ctx", {}).get("error")
            if isinstance(given, SettingsError):
                raise given from None
            raise SettingsError(f"llm_{first['loc'][0]}: {first['msg']}") from None

    cls.__init__ = init  # type: ignore[method-assign,assignment]
    return cls


@_raising_ours
@dataclass(frozen=True, config={"extra": "forbid"})
class Settings:
    """How the model is asked, and what a run may spend.

    mode: `live` calls the API, `batch` calls it through batches that a later run collects, `plan`
        prices what would be asked, `replay` takes the answers that there are, of any model, `off`
        does so without the recording, and `auto` is live where OPENAI_API_KEY or OPENAI_BASE_URL is
        set, else replay.
    model: the model's name, as the server knows it.
    max_calls, max_tokens, max_cost_usd: what one run may send and spend; what is left waits. A call
        is a request that is sent, retries included; tokens are those of prompt and completion. None
        is no cap.
    prices: prices of models beside the seed's, in US dollars per million tokens, also as JSON:
        `{model: {input, cached_input, cache_write, output, batch_discount}}`; all but `input` and
        `output` may be left out.
    price_waiver: lets a model without a price be asked, within the other caps.
    requests_per_minute, tokens_per_minute: limits to keep, where replies do not name them.
    max_in_flight: requests that may be in flight at once.
    reask_stale: asks again where the evidence has changed. reask_refused: where the model refused.
    reask_failed: what failed in the same way in two runs.
    on_fatal: whether a fault that every call would meet fails the run or only warns.
    wait_for_others_seconds: how long to wait for cells that another run is asking.
    ledger_wait_seconds: how long a run waits for a ledger that is locked or out of reach.
    keep_texts_days: after so many days the ledger drops messages and raw replies; None keeps them.
    batch_wait_seconds: how long a run waits for its batches to end; 0 leaves them to the next one.
    max_output_tokens: the most tokens a reply may have; a longer one is a failed cell.
    max_tokens_parameter: the name of that limit in the request. `auto` takes OpenAI's current
        `max_completion_tokens` for OpenAI's and Azure's own hosts, whose reasoning models refuse
        the older name, and `max_tokens` for every other server, some of which know only that.
    temperature: sent only where it is set, and to no model that reasons, which refuses it.
    reasoning_effort: how much a model thinks before it answers. `auto` is what the seed of prices
        says of the model: `none` for those that would think by themselves; else nothing is sent.
    rationale: whether a reason is asked for, and whether the model gives it before the value or
        after it: each is a question of its own, with a prompt version and answers of its own.
    logprobs: asks for how probable the model's words were; servers that cannot say refuse it.
    timeout_seconds: how long one request may take.
    text_bounds: whether the schema bounds the length of texts, and numbers. `auto` does so for
        servers on this machine; OpenAI's and Azure's strict mode refuses such a schema.
    schema_form: how the schema is written: `integers`, with `strings` in its enums, or `plain`,
        without `$defs` too. `auto` begins with the first and goes on where the server refuses it.
    schema_cells: whether the schema spells out what each attribute's answer looks like, or has
        each kind of answer once, to which attributes refer. Each is a schema version; an answer
        under the other one is taken where there is none under this.
    """

    # Whether answers count that were given under the other version of the schema.
    takes_other_cells: ClassVar[bool] = True

    mode: Annotated[Mode, _choice(*get_args(Mode))] = "auto"
    model: Annotated[str, AfterValidator(_named)] = DEFAULT_MODEL
    max_calls: _Count | None = 200
    max_output_tokens: _Positive = 4096
    max_tokens_parameter: _MaxTokensParameter = "auto"
    temperature: _Temperature | None = None
    reasoning_effort: Annotated[ReasoningEffort, _choice(*get_args(ReasoningEffort))] = "auto"
    rationale: Annotated[Rationale, _choice(*get_args(Rationale))] = "before"
    logprobs: _Flag = False
    timeout_seconds: _Timeout = 300.0
    text_bounds: Annotated[TextBounds, _choice(*get_args(TextBounds))] = "auto"
    schema_form: Annotated[SchemaFormChoice, _choice(*get_args(SchemaFormChoice))] = "auto"
    schema_cells: Annotated[SchemaCells, _choice(*get_args(SchemaCells))] = "spelt_out"
    max_cost_usd: _Usd | None = Decimal(5)
    max_tokens: _Count | None = None
    prices: _Prices = Field(default_factory=dict)
    price_waiver: _Flag = False
    requests_per_minute: _Positive | None = None
    tokens_per_minute: _Positive | None = None
    max_in_flight: _Positive = 64
    reask_stale: _Flag = False
    reask_refused: _Flag = False
    reask_failed: _Flag = False
    on_fatal: Annotated[OnFatal, _choice(*get_args(OnFatal))] = "fail"
    wait_for_others_seconds: _Wait = 90.0
    ledger_wait_seconds: _Wait = 60.0
    batch_wait_seconds: _Wait = 0.0
    keep_texts_days: _Positive | None = None

    def bounds_texts(self, is_local: bool) -> bool:
        """Say whether the schema bounds texts, for a server on this machine or elsewhere."""
        return is_local if self.text_bounds == "auto" else self.text_bounds == "on"

    @property
    def answer_parameters(self) -> dict[str, Any]:
        """What a request has beside the model, the messages and the schema that changes answers.

        A model that reasons takes no temperature.
        """
        given: dict[str, Any] = {}
        if self.temperature is not None and self.reasoning_effort in ("auto", "none"):
            given["temperature"] = self.temperature
        if self.reasoning_effort != "auto":
            given["reasoning_effort"] = self.reasoning_effort
        return given

    def of_backtest(self, max_cost_usd: object, mode: object = None) -> TwinSettings:
        """Return the settings with which twins are asked: these, within a budget of their own.

        mode: the one in which they are asked, where it is not the run's. Without a budget nobody is
        asked, and only what is known already is taken; a plan prices them all the same. Raises
        SettingsError for a budget or mode that is none.
        """
        try:
            budget = Decimal(str(max_cost_usd).strip() or "0")
        except InvalidOperation:
            budget = Decimal("nan")
        if not budget.is_finite() or budget < 0:
            raise SettingsError(
                f"backtest_max_cost_usd is {max_cost_usd!r}: it must be 0 or more, in US dollars"
            )
        asked = TwinSettings(**{field.name: getattr(self, field.name) for field in fields(self)})
        if str(mode or "").strip() not in _UNSET:
            asked = _in_mode(asked, mode)
        if not budget and asked.mode in ("auto", "live", "batch"):
            return replace(asked, mode="replay" if asked.mode == "auto" else "off")
        return replace(asked, max_cost_usd=budget)

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Settings:
        """Return the settings in a dbt configuration; its names have `llm_` before them.

        A name that is absent or null keeps its default. Raises SettingsError for a value that has
        no meaning and for a name that is no setting.
        """
        known = [f"llm_{field.name}" for field in fields(cls)]
        given: dict[str, Any] = {}
        for name, value in config.items():
            if name not in known:
                settings = ", ".join(known)
                raise SettingsError(f"{name} is not a setting; the settings are {settings}")
            unset = ("",) if name in _NONE_IS_A_CHOICE and value is not None else _UNSET
            if str(value).strip().lower() in unset:
                continue
            is_mapping = isinstance(value, Mapping)
            given[name.removeprefix("llm_")] = value if is_mapping else str(value).strip()
        return cls(**given)


class TwinSettings(Settings):
    """The settings with which twins are asked: each version of the schema is measured apart."""

    takes_other_cells: ClassVar[bool] = False


def _in_mode(settings: TwinSettings, mode: Any) -> TwinSettings:
    try:
        return replace(settings, mode=mode)
    except SettingsError as error:
        raise SettingsError(str(error).replace("llm_mode", "backtest_mode", 1)) from None
