"""PostgreSQL and RabbitMQ for one checkout, private to it.

Development, tests, benchmarks and fault tests need real servers that nobody else uses: on free
loopback ports, with their data below one directory, and safe to freeze, kill or wipe. A server of
the machine itself (a Debian cluster, a system broker) is never started, stopped or connected to.
"""

from deploy.local.errors import (
    ControlFailed,
    LocalServerError,
    NotRunning,
    PackagesMissing,
    StartFailed,
)
from deploy.local.packages import ensure_packages
from deploy.local.postgres import Postgres
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.servers import Servers

__all__ = [
    "ControlFailed",
    "LocalServerError",
    "NotRunning",
    "PackagesMissing",
    "Postgres",
    "RabbitMQ",
    "Servers",
    "StartFailed",
    "ensure_packages",
]
