"""The event log: everything that happened in a run, in one folder."""
