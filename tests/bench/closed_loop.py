"""Stock Locust as people use it: ``python -m tests.bench.closed_loop PORT USERS SECONDS [order|submit]`` prints its own figures as JSON.

Each user sends the next order when the last one was answered. In a process of its own, since Locust patches the interpreter.
"""

import itertools
import json
import sys

import gevent
import locust.env
from locust import FastHttpUser, constant, task
from locust.event import Events

KEYS = itertools.count(1)


class Buyer(FastHttpUser):  # type: ignore[misc]
    wait_time = constant(0)
    looks = False

    @task  # type: ignore[untyped-decorator]
    def buy(self) -> None:
        with self.client.post("/orders", json={"order": f"buyer-{next(KEYS)}"}, catch_response=True) as made:
            order = made.json()
            if made.status_code not in (200, 201) or order["ok"] != 1:
                made.failure("not accepted")
                return
        if self.looks:
            with self.client.get(f"/orders/{order['order_no']}", name="/orders/NUMBER", catch_response=True) as seen:
                if seen.status_code != 200 or seen.json()["status"] != "delivered":
                    seen.failure("not delivered")


def main(port: int, users: int, seconds: float, flow: str) -> None:
    Buyer.host = f"http://127.0.0.1:{port}"
    Buyer.looks = flow == "order"
    environment = locust.env.Environment(user_classes=[Buyer], events=Events())
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=users)
    gevent.sleep(seconds)
    stats = environment.stats.total
    told = {name: stats.get_response_time_percentile(share) for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))}
    print(json.dumps({**told, "requests": stats.num_requests, "failures": stats.num_failures}), flush=True)
    runner.quit()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else "submit")
