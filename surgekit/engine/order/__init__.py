"""One order on its way: who places it, its steps, and the short way of those that go well."""
