"""The pool of connections, with metrics of how many are in use and how long one is waited for."""

from time import perf_counter
from typing import Any

from sqlalchemy import QueuePool

from shared.observability import metrics


class MeasuredPool(QueuePool):
    """SQLAlchemy's pool; the two methods are what a kind of pool consists of."""

    def _do_get(self) -> Any:
        began = perf_counter()
        try:
            connection = super()._do_get()
        finally:
            metrics.database_pool_wait_seconds.observe(perf_counter() - began)
        metrics.database_pool_used.set(self.checkedout())
        return connection

    def _do_return_conn(self, record: Any) -> None:
        super()._do_return_conn(record)
        metrics.database_pool_used.set(self.checkedout())
