"""Orders say which waiting ticket a free agent takes first; profiles name one."""

from services.router.orders.base import Order, Waiting, savable

__all__ = ["Order", "Waiting", "savable"]
