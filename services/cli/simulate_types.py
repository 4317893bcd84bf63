"""What `patchbay simulate` takes beside numbers and names."""

import click

from services.router.simulation.durations import seconds_of
from services.router.simulation.laws import Law, LawName
from services.router.simulation.log_handling import Reading


class _Time(click.ParamType[float]):
    """A length of time such as `20m`, in seconds once it is read."""

    name = "time"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return seconds_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Handling(click.ParamType[Reading | tuple[Law, float]]):
    """How a log is read (`effort`, `in_hand`), or a law with its mean (`exponential:20m`)."""

    name = "handling"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Reading | tuple[Law, float]:
        name, _, mean = value.partition(":")
        try:
            return Reading(name) if not mean else (Law(LawName(name)), seconds_of(mean))
        except ValueError:
            laws = ", ".join(f"{law}:20m" for law in LawName)
            self.fail(f"{value!r} is none; use effort, in_hand, {laws}", param, ctx)


TIME, HANDLING = _Time(), _Handling()
