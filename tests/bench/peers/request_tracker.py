"""Request Tracker: tickets created by its REST API, where somebody has one.

It is not installed from here: `request-tracker5` of Debian brings 264 packages and a web server
onto the machine, and this program installs into nothing but its own folder. RT_URL and RT_TOKEN
name one (plain HTTP; RT_QUEUE if its queue is not called General). It should run on this machine,
or its figure is of another. (RT 5, RT::REST2 and RT::Authen::Token: `Authorization: token …`.)
"""

import os
import subprocess
from urllib.parse import urlsplit

from tests.bench.desk import Figures, run_load

_NOT_MEASURED = "Request Tracker was not measured: "


def measure(requests: int) -> Figures:
    """Return tickets a second at 64 connections, or the reason why it was not measured."""
    url, token = os.environ.get("RT_URL", ""), os.environ.get("RT_TOKEN", "")
    if not url or not token:
        return _reason("RT_URL and RT_TOKEN name no installation; it needs one of its own.")
    if urlsplit(url).scheme != "http" or not urlsplit(url).port:
        return _reason("RT_URL has to be http:// with a port.")
    tickets = f"{url.rstrip('/')}/REST/2.0/ticket"
    extra = {
        "Queue": os.environ.get("RT_QUEUE", "General"),
        "Subject": "VPN drops",
        "Requestor": "mira@example.com",
        "Content": "The tunnel comes up and drops again.",
    }
    try:
        run_load(tickets, token, 64, 200, extra, scheme="token")
        figures = run_load(tickets, token, 64, requests, extra, scheme="token")
    except (RuntimeError, subprocess.CalledProcessError) as error:
        return _reason(f"{error}.")
    return {
        "request_tracker_per_s": figures["per_s"],
        "request_tracker_p50_ms": figures["p50_ms"],
        "request_tracker_p99_ms": figures["p99_ms"],
    }


def _reason(why: str) -> Figures:
    return {"request_tracker_reason": f"{_NOT_MEASURED}{why}"}
