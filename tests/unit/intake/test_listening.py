"""Who may listen where somebody listens already."""

import socket
import sys

import pytest

from services.intake.port_claim import claim, is_claimed
from services.intake.server import PortTaken, require_free


@pytest.fixture(params=[False, True], ids=["alone", "one of several"])
def taken(request):
    """A port on which somebody listens, alone or ready to share it."""
    with socket.socket() as listener:
        if request.param:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1], request.param


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ports are not spread over processes")
def test_a_port_is_shared_only_by_those_who_are_ready_to(taken):
    port, ready = taken
    with pytest.raises(PortTaken, match="Set PATCHBAY_PORT to another port"):
        require_free("127.0.0.1", port, shared=False)
    if ready:
        require_free("127.0.0.1", port, shared=True)
    else:
        with pytest.raises(PortTaken):
            require_free("127.0.0.1", port, shared=True)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ports are not spread over processes")
def test_whoever_listens_alone_is_not_joined(taken):
    """The server below lets everybody of this user listen: it is the claim that tells."""
    port, _ = taken
    held = claim(port)
    assert held is not None
    with held, pytest.raises(PortTaken, match="who listens there does not share it"):
        require_free("127.0.0.1", port, shared=True)
    assert not is_claimed(port)


def test_the_way_out_of_a_taken_port_is_in_the_message(taken):
    port, _ = taken
    with pytest.raises(PortTaken, match="--share-port for both"):
        require_free("127.0.0.1", port, shared=False)
