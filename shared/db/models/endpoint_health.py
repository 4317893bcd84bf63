"""endpoint_health: how each endpoint has been lately.

Written by the notifier; intake sets a row back when a subscription is enabled or moves to another
URL, which gives the endpoint a new beginning. One without a row is one that nobody has tried.
"""

from datetime import datetime

from sqlalchemy import Float, Integer
from sqlalchemy.orm import Mapped, mapped_column

from shared.db.models.base import Base, id_column


class EndpointHealth(Base):
    """The columns are those of `shared.domain.endpoint_health.Health`, which explains them."""

    __tablename__ = "endpoint_health"

    subscription_id: Mapped[str] = id_column()
    blocked_until: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    open_until: Mapped[datetime | None]
    rate_until: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    opens: Mapped[int] = mapped_column(Integer)
    failures_in_row: Mapped[int] = mapped_column(Integer)
    window_began_at: Mapped[datetime | None]
    window_attempts: Mapped[int] = mapped_column(Integer)
    window_failures: Mapped[int] = mapped_column(Integer)
    failing_since: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(Integer)
    warned: Mapped[int] = mapped_column(Integer)
    last_error: Mapped[str | None]
    last_success_at: Mapped[datetime | None]
    tokens: Mapped[float] = mapped_column(Float)
    tokens_at: Mapped[datetime | None]
    stale: Mapped[bool]
