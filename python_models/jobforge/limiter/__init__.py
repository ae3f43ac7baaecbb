"""When the next request may be sent; knows nothing of what is sent."""

from jobforge.limiter.headers import asked_wait, parse_duration
from jobforge.limiter.limiter import LimiterClosed, RateLimiter, Slot

__all__ = ["LimiterClosed", "RateLimiter", "Slot", "asked_wait", "parse_duration"]
