"""Writes the units: five services that differ in a few lines and share all of their sandbox.

python -m deploy.systemd.make_units
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
#: PATCHBAY_SHUTDOWN_TIMEOUT_S of patchbay.env.example, and what is added before the kill; seconds.
SHUTDOWN_S, MARGIN_S = 20, 5


@dataclass(frozen=True, slots=True)
class Unit:
    """What is a service's own."""

    name: str
    description: str
    command: str
    memory: str
    template: bool = False
    oneshot: bool = False
    standalone: bool = False


UNITS = (
    Unit("patchbay-intake", "HTTP API", "intake", "1G"),
    Unit("patchbay-router@", "router %i", "router --health-port 911%i", "1G", template=True),
    Unit("patchbay-notifier@", "notifier %i", "notifier --health-port 912%i", "1G", template=True),
    Unit("patchbay-migrate", "schema", "migrate", "512M", oneshot=True),
    Unit("patchbay-standalone", "all in one process", "serve", "2G", standalone=True),
)

SANDBOX = """\
# --- sandbox: `systemd-analyze security` says what is left ---
# One account for all units, as long as any runs: they share the folder below.
DynamicUser=yes
User=patchbay
StateDirectory=patchbay
StateDirectoryMode=0750
WorkingDirectory=/var/lib/patchbay
UMask=0077
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RemoveIPC=yes
LockPersonality=yes
# Nothing here makes code at run time: CEL and the templates are interpreted.
MemoryDenyWriteExecute=yes
CapabilityBoundingSet=
AmbientCapabilities=
KeyringMode=private
# Unix sockets are for a PostgreSQL, clamd or journal of this machine; by netlink getaddrinfo(3)
# learns which kinds of addresses it has.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
"""


def rendered() -> dict[str, str]:
    """Return the text of each unit file by its name."""
    return {f"{unit.name}.service": _unit(unit) for unit in UNITS}


def _unit(unit: Unit) -> str:
    after = "network-online.target"
    if not unit.standalone:
        after += " postgresql.service rabbitmq-server.service"
        after += "" if unit.oneshot else " patchbay-migrate.service"
    lines = [
        "# Written by deploy/systemd/make_units.py.",
        "[Unit]",
        f"Description=Patchbay, {unit.description}",
        f"After={after}",
        "Wants=network-online.target",
    ]
    if not unit.oneshot:
        # However often it ends: a database that is away for an hour must not need a person after.
        lines += ["StartLimitIntervalSec=0"]
    lines += ["", "[Service]", f"Type={'oneshot' if unit.oneshot else 'exec'}"]
    if unit.oneshot:
        lines += ["RemainAfterExit=yes"]
    lines += [
        "EnvironmentFile=/etc/patchbay/patchbay.env",
        "Environment=PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1",
        "Environment=PATCHBAY_DATA_DIR=/var/lib/patchbay PATCHBAY_LOG_FORMAT=json",
        f"ExecStart=/opt/patchbay/bin/patchbay {unit.command}",
    ]
    if not unit.oneshot:
        lines += [
            "Restart=always",
            "RestartSec=2",
            "KillSignal=SIGTERM",
            # The others hear of it from the first process, which drains in order.
            "KillMode=mixed",
            f"# PATCHBAY_SHUTDOWN_TIMEOUT_S ({SHUTDOWN_S}) and {MARGIN_S} seconds.",
            f"TimeoutStopSec={SHUTDOWN_S + MARGIN_S}",
        ]
    else:
        # An index on a large table takes its time.
        lines += ["TimeoutStartSec=1h"]
    lines += [
        f"MemoryMax={unit.memory}",
        "TasksMax=512",
        "# Sockets: clients, 1,024 webhooks in flight, and a database pool.",
        "LimitNOFILE=65536",
        "",
    ]
    text = "\n".join(lines) + "\n" + SANDBOX
    if not unit.oneshot:
        text += "\n[Install]\nWantedBy=multi-user.target\n"
    return text


if __name__ == "__main__":
    for name, content in rendered().items():
        (FOLDER / name).write_text(content)
