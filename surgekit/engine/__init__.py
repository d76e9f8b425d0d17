"""The load engine, a process of its own: ``python -m surgekit.engine``. The only place that knows Locust and gevent."""
