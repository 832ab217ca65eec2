"""What other sites and other servers of the machine can do to the page in a real browser: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.browser.acting import scenario
from compat.waiting import eventually
from soasap._devserver.process import ServerProcess

if TYPE_CHECKING:
    from compat.browser.stage import Stage


@scenario
def attackers(stage: Stage) -> None:
    """From another name or origin a real browser gets neither the page nor its token, and changes nothing."""
    page = stage.page()
    token = page.locator('meta[name="soasap-token"]').get_attribute("content")
    before = stage.path.read_text()
    # Chromium leads all names below localhost to this machine, as DNS rebinding would.
    rebound = stage.browser.new_page()
    answer = rebound.goto(f"http://evil.localhost:{stage.server.port}/")
    assert answer.status == 403
    assert token not in rebound.content()
    assert rebound.locator("[data-key]").count() == 0

    # Another server of this machine, which even knows the token.
    with ServerProcess(str(stage.path)) as other:
        rebound.goto(f"{other.url}/api/v1/streams")  # a page of that origin without a policy of ours
        attempts = rebound.evaluate(
            """async ([url, token]) => {
              const attempt = (path, options) =>
                fetch(url + path, options).then((answer) => answer.type + answer.status, () => "refused");
              const change = '{"key":"dark-mode","was":"false","now":"true"}';
              return [
                await attempt("/"),
                await attempt("/page/events", { headers: { "X-Soasap-Token": token } }),
                await attempt("/page/flags", { method: "POST", body: change, headers: { "X-Soasap-Token": token,
                  "Content-Type": "application/json" } }),
                await attempt("/page/flags", { method: "POST", body: change, mode: "no-cors" }),
              ];
            }""",
            [stage.server.url, token],
        )
        assert attempts[:3] == ["refused"] * 3, attempts
        assert attempts[3] in {"refused", "opaque0"}, attempts
        # Nor can the page be shown in a frame, where a click could be led to it.
        rebound.set_content(f'<iframe src="{stage.server.url}"></iframe>')
        eventually(lambda: len(rebound.frames) == 2 and "chrome-error" in rebound.frames[1].url, "the refused frame")
    assert stage.path.read_text() == before
    assert stage.client.get_bool("dark-mode") is False
