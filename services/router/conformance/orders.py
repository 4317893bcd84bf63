"""What is asked of an order."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from numbers import Real
from typing import Any

from services.router.conformance.examples import contexts, waiting
from services.router.conformance.plugin import Conformance, Examination, Question
from services.router.model import Context
from services.router.orders import Order, Waiting, savable


def check_order(
    plugin: Callable[..., Order], *, max_us: float = 1000.0, **options: Any
) -> Conformance:
    """Check an order class with the options given; raises NotConforming.

    Keys are tuples of numbers, all of one length; of two tickets that differ in nothing but age the
    younger does not go first, unless only it can still be in time; and what is asked of every
    plugin.
    """
    examination: Examination[Order] = Examination(plugin, Order, options)  # type: ignore[type-abstract]
    tickets, given = waiting(5, 200), contexts()
    examination.keep(tickets, given)
    order = examination.build()
    questions = []
    for context in given:
        lengths = set()
        for ticket in tickets:
            lengths.add(_check_key(examination, order, ticket, context))
            _check_age(examination, order, ticket, context)
            questions.append(Question(f"of {ticket}", partial(_key, ticket, context)))
        if len(lengths) > 1:
            raise examination.fail(f"keys have different lengths: {sorted(lengths)}")
    return examination.check_answers(questions, max_us)


def _key(ticket: Waiting, context: Context, order: Order) -> tuple[float, ...]:
    return order.key(ticket, context)


def _check_key(
    examination: Examination[Order], order: Order, ticket: Waiting, context: Context
) -> int:
    key = order.key(ticket, context)
    if (
        not isinstance(key, tuple)
        or not key
        or not all(isinstance(part, Real) and math.isfinite(part) for part in key)
    ):
        raise examination.fail(f"of {ticket} it answered {key!r}, not a tuple of numbers")
    return len(key)


def _check_age(
    examination: Examination[Order], order: Order, ticket: Waiting, context: Context
) -> None:
    for age_s in (1, 60, 10_000, 1_000_000):
        age = timedelta(seconds=age_s)
        older = replace(ticket, created_at=ticket.created_at - age, due_at=ticket.due_at - age)
        if savable(ticket, context.now) and not savable(older, context.now):
            continue
        if order.key(older, context) > order.key(ticket, context):
            raise examination.fail(f"prefers {ticket} to one that is {age_s} s older and alike")
