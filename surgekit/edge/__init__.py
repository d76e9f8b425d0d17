"""The platform's outside world: a supplier, a payment gateway, and the link to the supplier that can be broken.

    the platform ──▶ link ──▶ supplier stand-in        (form dialect, calls back)
                └───────────▶ gateway stand-in         (epay dialect, notifies)
    chaos       ──▶ control port ──▶ faults on the link

One asyncio process, started as ``python -m surgekit.edge``. What it was asked and paid goes to the event log:
the witness that does not depend on what the platform says.
"""
