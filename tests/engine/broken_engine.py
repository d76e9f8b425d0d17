"""The engine with a fault of its own, named in ``FAULT``: what a mistake in SurgeKit would do to a run."""

import os
import sys

from surgekit import clock, lifeline
from surgekit.engine.commands import Commands

if __name__ == "__main__":
    commands = Commands()
    lifeline.hold(commands.line)
    from surgekit.engine import process, surge
    from surgekit.engine.order.journey import Journey
    from surgekit.engine.order.lane import Lane
    from surgekit.engine.order.members import Members

    sound = Journey.run

    async def broken(self):  # type: ignore[no-untyped-def]
        order = self._order
        match os.environ["FAULT"]:
            case "journey" if order.seq == 3:
                raise LookupError("order three")
            case "busy" if order.seq == 3:
                print("cannot be interrupted", file=sys.stderr, flush=True)
                while True:
                    pass
            case "pause" if order.seq == 3:
                until = clock.now() + 0.4
                while clock.now() < until:
                    pass
        return await sound(self)

    Journey.run = broken  # type: ignore[method-assign]
    quick = Lane.take
    Lane.take = lambda self, order, now: order.seq != 3 and quick(self, order, now)  # type: ignore[method-assign]
    if os.environ["FAULT"] == "values":
        Members._values = lambda self, *_: {}["nothing"]  # type: ignore[assignment]
    if os.environ["FAULT"] == "schedule":
        surge.Surge._release = lambda self, *_: {}["nothing"]  # type: ignore[assignment]
    sys.exit(process.main(commands))
