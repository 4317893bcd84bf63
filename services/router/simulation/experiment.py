"""Profiles compared on the same draws, over seeds, in parallel processes."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from services.router.profile import Profile
from services.router.simulation.bounds import MOST_TICKETS, hindsight_floor, pooled_floor
from services.router.simulation.desk import World
from services.router.simulation.draws import DrawsBy
from services.router.simulation.engine import Simulation
from services.router.simulation.measures import Measures, measure
from services.router.simulation.steady import SteadyValue, steady_values
from services.router.simulation.theory.errors import LabError
from services.router.strategy import StrategyBuilder

POOLED, HINDSIGHT = "pooled replay", "hindsight"


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is compared on what. Profiles have names of their own."""

    world: World
    profiles: tuple[Profile, ...]
    seeds: tuple[int, ...]
    draws_by: DrawsBy = DrawsBy.START


@dataclass(frozen=True, slots=True)
class Findings:
    """Measures by profile and seed, floors by name and seed (in seconds), values of the long run.

    `silent` says for each floor that could not be computed why.
    """

    experiment: Experiment
    measures: Mapping[str, tuple[Measures, ...]]
    floors: Mapping[str, tuple[float, ...]]
    steady: tuple[SteadyValue, ...]
    silent: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Task:
    """One profile on one seed, or, without a profile, the floors of a seed."""

    seed: int
    profile: int | None


@dataclass(frozen=True, slots=True)
class _Floors:
    values: Mapping[str, float]
    silent: Mapping[str, str]


def run(experiment: Experiment, processes: int, advance: Callable[[], None]) -> Findings:
    """Run everything; `advance` is called after each of `steps(experiment)` pieces."""
    results: dict[_Task, Measures | _Floors] = {}
    for task, result in _results(experiment, _tasks(experiment), processes):
        results[task] = result
        advance()
    floors = [_floors_of(results[_Task(seed, None)]) for seed in experiment.seeds]
    names = [name for name in (POOLED, HINDSIGHT) if all(name in f.values for f in floors)]
    return Findings(
        experiment=experiment,
        measures={
            profile.name: tuple(
                _measures_of(results[_Task(seed, number)]) for seed in experiment.seeds
            )
            for number, profile in enumerate(experiment.profiles)
        },
        floors={name: tuple(f.values[name] for f in floors) for name in names},
        steady=tuple(steady_values(experiment.world)),
        silent={name: reason for f in floors for name, reason in f.silent.items()},
    )


def steps(experiment: Experiment) -> int:
    """Return how many pieces of work there are."""
    return len(_tasks(experiment))


def _tasks(experiment: Experiment) -> list[_Task]:
    profiles: list[int | None] = [None, *range(len(experiment.profiles))]
    return [_Task(seed, number) for seed in experiment.seeds for number in profiles]


def _results(
    experiment: Experiment, tasks: Sequence[_Task], processes: int
) -> Iterator[tuple[_Task, Measures | _Floors]]:
    if processes == 1:
        for task in tasks:
            yield task, _perform(experiment, task)
        return
    # A forked process would inherit locks of threads that it does not have.
    context = get_context("spawn")
    with ProcessPoolExecutor(
        min(processes, len(tasks)), context, initializer=_begin, initargs=(experiment,)
    ) as executor:
        try:
            futures = {executor.submit(_perform_here, task): task for task in tasks}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


#: The experiment of a worker process, sent once and not with each task.
_here: list[Experiment] = []


def _begin(experiment: Experiment) -> None:
    _here[:] = [experiment]


def _perform_here(task: _Task) -> Measures | _Floors:
    return _perform(_here[0], task)


def _perform(experiment: Experiment, task: _Task) -> Measures | _Floors:
    world = experiment.world
    if task.profile is None:
        return _floors(world, task.seed)
    strategy = StrategyBuilder().build(experiment.profiles[task.profile])
    return measure(world, Simulation(world, strategy, task.seed, experiment.draws_by).run())


def _floors(world: World, seed: int) -> _Floors:
    jobs = world.source.jobs(seed)
    values, silent = {}, {}
    if not jobs:
        return _Floors({}, {POOLED: "no tickets arrived"})
    try:
        values[POOLED] = pooled_floor(world, jobs, seed)
    except LabError as error:
        silent[POOLED] = error.detail
    if len(jobs) > MOST_TICKETS:
        silent[HINDSIGHT] = f"only for runs of up to {MOST_TICKETS} tickets"
    elif any(worker.shifts is not None for worker in world.workers):
        silent[HINDSIGHT] = "only without shifts, as work may outlast a shift here"
    else:
        try:
            values[HINDSIGHT] = hindsight_floor(world, jobs, seed)
        except LabError as error:
            silent[HINDSIGHT] = error.detail
    return _Floors(values, silent)


def _measures_of(result: Measures | _Floors) -> Measures:
    assert isinstance(result, Measures)  # noqa: S101 -- tasks with a profile give measures
    return result


def _floors_of(result: Measures | _Floors) -> _Floors:
    assert isinstance(result, _Floors)  # noqa: S101 -- tasks without a profile give floors
    return result


def above(mean_wait_s: float, floor_s: float) -> float:
    """Return by which share a wait is above a floor; infinite above nothing."""
    return mean_wait_s / floor_s - 1 if floor_s > 0 else math.inf
