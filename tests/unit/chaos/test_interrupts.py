"""An interrupt ends a proof in order, whenever it comes."""

import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.chaos.interrupts import Interrupts, undisturbed
from services.chaos.service_process import Handle, ServiceProcess


class InterruptedWhileItStarts(ServiceProcess):
    """The signal comes when the process is there, and its number nowhere yet."""

    def _start(self, arguments: Sequence[str], log: Path) -> Handle:
        child = super()._start(arguments, log)
        signal.raise_signal(signal.SIGINT)
        return child


def test_a_process_that_was_being_started_is_known_and_stopped(tmp_path: Path) -> None:
    process = InterruptedWhileItStarts("serve", ["--help"], {}, tmp_path)
    with Interrupts(lambda _: None).caught():
        with pytest.raises(KeyboardInterrupt):
            process.launch()
        assert process.pid
        process.stop()
    assert process.ended


def test_an_interrupt_is_not_lost_with_a_start_that_fails() -> None:
    def fail() -> None:
        with undisturbed():
            signal.raise_signal(signal.SIGTERM)
            raise OSError

    with Interrupts(lambda _: None).caught(), pytest.raises(KeyboardInterrupt):
        fail()
