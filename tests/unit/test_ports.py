"""Ports that are chosen together are not the same one."""

from pathlib import Path

from deploy.local import RabbitMQ
from deploy.local.state import ServerState, save_state
from shared.ports import LOWEST_PORT, choose_port


def test_a_port_that_was_chosen_is_not_chosen_again() -> None:
    free = choose_port()
    assert choose_port(besides=set(range(LOWEST_PORT, 2**16)) - {free}) == free


def test_the_ports_of_a_server_differ(tmp_path: Path) -> None:
    """Its state is of a release that could choose the same one for two roles."""
    port = choose_port()
    save_state(tmp_path / "state.json", ServerState(dict.fromkeys(RabbitMQ.port_roles, port)))
    chosen = RabbitMQ(tmp_path)._choose_ports()
    assert chosen[RabbitMQ.port_roles[0]] == port
    assert len(set(chosen.values())) == len(RabbitMQ.port_roles)
