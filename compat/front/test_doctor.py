"""What `soasap doctor` says with a real nginx or tinyproxy between it and the service."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from compat.flag_service import API_KEY, Certificate, FlagService
from compat.nginx import Nginx
from compat.tinyproxy import PASSWORD, Tinyproxy

HOLDING_BACK = ["proxy_buffering on;", "proxy_ignore_headers X-Accel-Buffering;"]
"""The service asks nginx for no buffering by a header of its answer; here nginx does not listen."""

MODERN = ["proxy_http_version 1.1;", 'proxy_set_header Connection "";']

BUFFERING = "Events come late, or never"
"""A heading of the README."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[FlagService]:
    with contextlib.closing(FlagService(tmp_path, None, keep_alive=3600)) as service:
        service.up()
        yield service


def diagnose(base_url: str, *options: str, **variables: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit status, and the findings by name."""
    answer = subprocess.run(
        [sys.executable, "-m", "soasap", "doctor", "--json", *options],
        env={**os.environ, "SOASAP_API_KEY": API_KEY, "SOASAP_BASE_URL": base_url, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "" == answer.stderr
    assert API_KEY not in answer.stdout
    assert PASSWORD not in answer.stdout
    return answer.returncode, {finding["name"]: finding for finding in json.loads(answer.stdout)["findings"]}


def not_fine(findings: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: finding["verdict"] for name, finding in findings.items() if finding["verdict"] != "ok"}


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("directives", [[], MODERN], ids=["defaults", "1.1"])
def test_nginx_that_passes_events_on(
    directives: Sequence[str], secure: bool, service: FlagService, certificate: Certificate, tmp_path: Path
) -> None:
    """Behind an nginx that listens to the service all is well, and nginx is named."""
    with Nginx(tmp_path / "nginx", service.base_url, directives, certificate if secure else None) as nginx:
        status, findings = diagnose(nginx.url, "--ca-file", str(certificate.authority))

    assert (0, {}) == (status, not_fine(findings))
    assert "Server: nginx" in findings["framing"]["words"]
    assert secure == ("tls" in findings)


@pytest.mark.parametrize(
    ("ballast", "check"), [(0, "answer"), (10_000, "event")], ids=["a small set", "a set beyond its buffer"]
)
def test_nginx_that_holds_back(ballast: int, check: str, service: FlagService, tmp_path: Path) -> None:
    """Behind an nginx that buffers, the head, or of a larger set the event, is held back: that is the one failure."""
    service.down()
    service.change(ballast=ballast)
    service.up()
    with Nginx(tmp_path / "nginx", service.base_url, HOLDING_BACK) as nginx:
        status, findings = diagnose(nginx.url, "--timeout", "3")

    assert (1, {check: "failure"}) == (status, not_fine(findings)), findings[check]
    assert BUFFERING == findings[check]["troubleshooting"]


def test_nginx_without_a_service(service: FlagService, tmp_path: Path) -> None:
    """nginx's own 502 is an answer, and not that of a flag service."""
    with Nginx(tmp_path / "nginx", service.base_url) as nginx:
        service.down()
        status, findings = diagnose(nginx.url)

    assert (1, {"answer": "failure"}) == (status, not_fine(findings))
    assert "502" in findings["answer"]["words"]


def test_tinyproxy(service: FlagService, certificate: Certificate, tmp_path: Path) -> None:
    """Through tinyproxy with a password all is well; the warning is about this machine's own address."""
    with Tinyproxy(tmp_path / "tinyproxy", demands_password=True) as proxy:
        status, findings = diagnose(service.base_url, HTTP_PROXY=proxy.url, NO_PROXY="")
        asked = proxy.requests()
        refused, without = diagnose(service.base_url, HTTP_PROXY=f"http://{proxy.address}", NO_PROXY="")

    assert (0, {"proxy": "warning"}) == (status, not_fine(findings))
    assert asked
    assert (1, "A proxy stands in between") == (refused, without["answer"]["troubleshooting"])
