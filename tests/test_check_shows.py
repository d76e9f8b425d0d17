"""What the findings of ``targets check`` repeat of a platform's words has no secret in it."""

from __future__ import annotations

from surgekit.check import Finding, without_secrets


def test_a_finding_that_repeats_a_secret_does_not_show_it() -> None:
    found = [Finding("ledger", "bad", 'GET /export answered {"msg":"key s3cr\\/et-4711 unknown"}'), Finding("gateway", "ok", "12 events")]
    shown = without_secrets(found, {"key": "s3cr/et-4711", "pin": "12"})
    assert [each.told for each in shown] == ['GET /export answered {"msg":"key <secret.key> unknown"}', "12 events"]
    assert [(each.what, each.state) for each in shown] == [("ledger", "bad"), ("gateway", "ok")]
