"""What Locust sees of a fleet: one user a worker, who is there as long as its shard is under way.

Workers begin at the moment that the master names, and not when Locust's users are spawned; and Locust may move a user from one worker to
another. So a user starts and stops nothing here. Stop on Locust's page is the master's to hear.
"""

# Locust patches the interpreter; everything that may open a socket has to come after it.
import locust.env  # isort: skip

from typing import Any

import gevent
from locust import User, task
from locust.exception import StopUser

from surgekit.engine.build import LISTEN_S


class SurgeUser(User):  # type: ignore[misc]
    """All buyers of one shard."""

    fixed_count = 1

    @task  # type: ignore[untyped-decorator]
    def surge(self) -> None:
        while not self.environment.engine.surge.over:
            gevent.sleep(LISTEN_S)
        raise StopUser


def environment() -> Any:
    """Locust's, of a process that has one run and then ends: a locustfile's listeners listen to these events."""
    made = locust.env.Environment(user_classes=[SurgeUser], events=locust.events, catch_exceptions=False)
    made.engine = None
    return made
