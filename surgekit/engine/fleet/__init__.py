"""A run by several engines: Locust's master, and workers of it on this machine and on others.

    controller ── start, stop, gone ─▶ master ◀── CURVE, keys out of the run's token ──▶ worker, worker, …
                ◀── ready, figures, done ──        plan, start, pings, stop ─▶
                                                   ◀─ figures, rows of the history, done

Each worker is an engine with its shard of the schedule. What the controller hears is what one engine would say.
"""
