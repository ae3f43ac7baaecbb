"""The values that the imputation service takes and gives."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum

from pydantic import BaseModel, Field

__all__ = ["ImputationResponse", "ImputedAttributeValue", "LLMImputedAttribute", "SourcePrecedence"]


class SourcePrecedence(IntEnum):
    """Which source wins a cell: the higher one."""

    LLM = 1
    ONET = 2
    AUTHORITATIVE = 3


class ImputedAttributeValue(BaseModel):
    """One attribute's value as the model gives it."""

    attribute_name: str = Field(description="The attribute's name, exactly as it was asked for")
    value: str = Field(description="The value")
    confidence: float = Field(ge=0.0, le=1.0, description="How sure the value is, from 0 to 1")
    rationale: str = Field(description="The reason for the value, in one short sentence")


class ImputationResponse(BaseModel):
    """The whole of a model's reply."""

    imputations: list[ImputedAttributeValue] = Field(description="One entry per asked attribute")
    context_used: str = Field(default="", description="The context that the values rest on")


def _now() -> datetime:
    return datetime.now(UTC)


class LLMImputedAttribute(ImputedAttributeValue):
    """An imputed value with its provenance; `imputed_at` is in UTC."""

    source_type: str = "LLM"
    model_used: str
    imputed_at: datetime = Field(default_factory=_now)
