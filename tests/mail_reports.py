"""Bounces and complaints as mail servers write them."""


def bounce(
    *,
    to: str = "bounces@desk.example",
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 no such user",
    message_id: str = "",
    returned: str = "text/rfc822-headers",
) -> bytes:
    """A delivery status notification as Postfix sends it (RFC 3464)."""
    inner = f"From: support@desk.example\nMessage-ID: {message_id}\nSubject: x\n"
    if returned == "message/rfc822":
        inner += "\nHello\n"
    text = f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="AAA"

--AAA
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--AAA
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
Arrival-Date: Fri, 2 Jan 2026 03:04:05 +0000

Final-Recipient: rfc822; mira@example.com
Original-Recipient: rfc822;mira@example.com
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}

--AAA
Content-Type: {returned}

{inner}
--AAA--
"""
    return text.replace("\n", "\r\n").encode()


def complaint(*, message_id: str = "", kind: str = "abuse") -> bytes:
    """A feedback report as providers send it (RFC 5965)."""
    text = f"""\
From: feedback@provider.example
To: abuse@desk.example
Subject: FW: We have received your request
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="BBB"

--BBB
Content-Type: text/plain; charset=us-ascii

This is an email abuse report.

--BBB
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1

--BBB
Content-Type: message/rfc822

From: support@desk.example
Message-ID: {message_id}
Subject: We have received your request

Hello
--BBB--
"""
    return text.replace("\n", "\r\n").encode()
