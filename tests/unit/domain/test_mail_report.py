"""What bounces and complaints say, and that nothing in them can hurt."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.mail_report import read_report
from shared.domain.suppression import SuppressionReason
from tests.mail_reports import bounce, complaint

HARD, SOFT = SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCES
OWN = "<tkt_1.dlv_1.mac@desk.example>"


@pytest.mark.parametrize(
    ("action", "status", "fault"),
    [
        ("failed", "5.1.1", HARD),
        ("Failed", "5.1.10", HARD),
        ("failed", "5.0.0", HARD),
        ("failed", "5.2.1", HARD),
        ("failed", "5.2.2", SOFT),
        ("failed", "5.2.3", SOFT),
        ("failed", "5.3.4", SOFT),
        ("failed", "5.4.4", SOFT),
        ("failed", "5.6.0", SOFT),
        ("failed", "5.7.1", SOFT),
        ("failed", "4.4.7", SOFT),
        ("failed", "5.1.1 (bad destination mailbox address)", HARD),
        ("failed", "nonsense", HARD),
        ("delayed", "4.4.1", None),
        ("delivered", "2.0.0", None),
        ("relayed", "2.0.0", None),
        ("expanded", "2.0.0", None),
    ],
)
def test_a_status_says_what_the_address_did(
    action: str, status: str, fault: SuppressionReason | None
) -> None:
    report = read_report(bounce(action=action, status=status))
    assert report.fault is fault
    assert action.lower() in report.detail


@pytest.mark.parametrize("returned", ["text/rfc822-headers", "message/rfc822"])
def test_the_mail_is_known_by_where_the_bounce_went_and_by_its_own_id(returned: str) -> None:
    report = read_report(bounce(to="Bounces+abc@desk.example", message_id=OWN, returned=returned))
    assert "Bounces+abc@desk.example" in report.addressed_to
    assert OWN in report.message_ids
    assert "550 5.1.1 no such user" in report.detail


def test_a_complaint_is_one_and_other_feedback_is_none() -> None:
    report = read_report(complaint(message_id=OWN))
    assert report.fault is SuppressionReason.COMPLAINT
    assert OWN in report.message_ids
    assert read_report(complaint(kind="not-spam")).fault is None


def test_an_ordinary_mail_is_no_report() -> None:
    message = EmailMessage()
    message["Subject"] = "Out of office"
    message.set_content("I am away. Status: 5.1.1, action: failed")
    assert read_report(message.as_bytes()).fault is None


@given(st.binary(max_size=400))
def test_whatever_comes_is_read(content: bytes) -> None:
    assert read_report(content).fault is None


@given(place=st.integers(0, 900), junk=st.binary(max_size=40))
def test_a_damaged_report_is_read(place: int, junk: bytes) -> None:
    whole = bounce(message_id=OWN)
    report = read_report(whole[:place] + junk + whole[place + 20 :])
    assert len(report.detail) <= 300
    assert report.detail.isprintable()


def test_a_report_of_a_thousand_parts_ends() -> None:
    part = b"--AAA\r\nContent-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n\r\n"
    head = b"Content-Type: multipart/report; boundary=AAA\r\n\r\n"
    assert read_report(head + part * 1000 + b"--AAA--").fault is None
