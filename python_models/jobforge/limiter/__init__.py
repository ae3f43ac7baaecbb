"""When the next request may be sent; knows nothing of what is sent."""

from jobforge.limiter.headers import retry_after
from jobforge.limiter.limiter import LimiterClosed, RateLimiter, Slot

__all__ = ["LimiterClosed", "RateLimiter", "Slot", "retry_after"]
