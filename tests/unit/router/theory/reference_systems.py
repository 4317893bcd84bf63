"""Systems whose waits are known: from the literature, and from simulations of long runs."""

from services.router.simulation.theory.system import System, TicketClass


def system_x(rates: tuple[float, ...] = (1, 1, 1, 1)) -> System:
    """Four agents in a chain, three classes that two neighbours each may serve."""
    return System(
        (
            TicketClass("first", 0.9, frozenset("ab")),
            TicketClass("second", 1.1, frozenset("bc")),
            TicketClass("third", 0.8, frozenset("cd")),
        ),
        dict(zip("abcd", rates, strict=True)),
    )


def pooled(agents: int, *arrival_rates: float) -> System:
    """Agents of rate 1 who serve every class."""
    names = [f"agent {number}" for number in range(agents)]
    classes = (
        TicketClass(f"class {number}", rate, frozenset(names))
        for number, rate in enumerate(arrival_rates)
    )
    return System(tuple(classes), dict.fromkeys(names, 1.0))


def chained(offsets: tuple[int, ...], load: float) -> System:
    """Twelve agents, two at home in each of six classes; skills at these distances from home."""
    home = {f"agent {number}": number % 6 for number in range(12)}
    classes = (
        TicketClass(
            f"class {number}",
            2 * load,
            frozenset(agent for agent, at in home.items() if (number - at) % 6 in offsets),
        )
        for number in range(6)
    )
    return System(tuple(classes), dict.fromkeys(home, 1.0))
