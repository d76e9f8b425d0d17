"""Users of other people's locustfiles, under the schedule of a surge."""
