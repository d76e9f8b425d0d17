"""Workers as Kubernetes runs them: printed, to be read and changed, and never applied by SurgeKit itself."""

from __future__ import annotations

from typing import Any

import yaml

from surgekit.fleet import TOKEN_ENV

NAME = "surgekit-worker"
PLACEHOLDER = "REPLACE-WITH-THE-TOKEN-OF-THE-RUN"
_LABELS = {"app.kubernetes.io/name": NAME}


def manifest(join: str, *, image: str, count: int, stay: bool) -> str:
    """A Secret with a place for the token, and ``count`` workers that join the master at ``join``: a Job for one run, a Deployment for those that stay."""
    when = "" if stay else " Start the run first: a worker waits a minute for it."
    head = f"# kubectl apply -f FILE, after the token of the run stands in the Secret.{when} A worker needs a core to itself.\n"
    parts = [_secret(), _deployment(join, image, count) if stay else _job(join, image, count)]
    return head + yaml.dump_all(parts, Dumper=_Plain, sort_keys=False)


class _Plain(yaml.SafeDumper):
    """Writes what is the same twice as often as it is there: people read this."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _secret() -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME, "labels": _LABELS}, "type": "Opaque", "stringData": {"token": PLACEHOLDER},
    }  # fmt: skip


def _job(join: str, image: str, count: int) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": NAME, "labels": _LABELS},
        "spec": {
            "parallelism": count, "completions": count,
            "backoffLimit": 0,  # a worker that was lost makes the run void; another in its place would be too late
            "ttlSecondsAfterFinished": 3600,
            "template": _pod(["worker", "--join", join], image, restart="Never"),
        },
    }  # fmt: skip


def _deployment(join: str, image: str, count: int) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME, "labels": _LABELS},
        "spec": {
            "replicas": count, "selector": {"matchLabels": _LABELS}, "template": _pod(["worker", "--join", join, "--stay"], image, restart="Always"),
        },
    }  # fmt: skip


def _pod(words: list[str], image: str, *, restart: str) -> dict[str, Any]:
    worker = {
        "name": "worker",
        "image": image,
        "command": ["surgekit"],
        "args": words,
        "env": [{"name": TOKEN_ENV, "valueFrom": {"secretKeyRef": {"name": NAME, "key": "token"}}}],
        # Requests as limits: whole cores that nobody else gets. A generator that waits for a core measures itself.
        "resources": {each: {"cpu": "2", "memory": "1Gi"} for each in ("requests", "limits")},
        "securityContext": {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "history", "mountPath": "/tmp"}],  # noqa: S108 - in a container of its own
    }  # fmt: skip
    return {
        "metadata": {"labels": _LABELS},
        "spec": {
            "restartPolicy": restart,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 30,
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"},
                "sysctls": [{"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"}],  # a port for each connection
            },
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": _LABELS},
                }
            ],
            "containers": [worker],
            "volumes": [{"name": "history", "emptyDir": {"sizeLimit": "20Gi"}}],
        },
    }  # fmt: skip
