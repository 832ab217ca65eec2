"""Seeing and changing flags, with mouse and keyboard, beside other pages, and in bad weather."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import soasap
from compat.browser.acting import await_checked, await_client, await_text, await_value, field, note, scenario, switch
from compat.waiting import eventually
from soasap._devserver.process import ServerProcess

if TYPE_CHECKING:
    from compat.browser.stage import Stage


@scenario
def toggle(stage: Stage) -> None:
    """A flag toggled on the page changes in a real client, in the file, and nowhere else in the file."""
    page = stage.page()
    before = stage.path.read_text()
    switch(page, "dark-mode").click()
    eventually(lambda: stage.client.get_bool("dark-mode"), "the change at the client")
    await_checked(switch(page, "dark-mode"), True)

    assert stage.path.read_text() == before.replace('"dark-mode": false', '"dark-mode": true')
    await_text(page.locator("#said"), "dark-mode is on, sent to 1 client")
    await_text(page.locator("#changes"), "dark-mode")
    assert stage.client.status().connects == 1


@scenario
def edit_in_place(stage: Stage) -> None:
    """Numbers, strings and JSON edited on the page arrive at the client with type and digits."""
    page = stage.page()
    assert field(page, "shipping-rates").evaluate("each => each.scrollHeight <= each.clientHeight"), (
        "all lines are seen"
    )
    field(page, "max-upload-bytes").fill("9007199254740991")
    page.keyboard.press("Enter")
    await_client(stage, "max-upload-bytes", 9007199254740991)
    field(page, "theme").fill('ru"by\\ ☀')
    page.locator('[data-key="theme"]').get_by_role("button", name="Save").click()
    eventually(lambda: stage.client.get_string("theme") == 'ru"by\\ ☀', "the string")
    field(page, "shipping-rates").fill('{\n  "standard": 1.50\n}')
    page.keyboard.press("Control+Enter")
    eventually(lambda: stage.client.get_json("shipping-rates") == {"standard": 1.5}, "the object")

    # Of another type it moves to another group, and the focus goes with it.
    field(page, "beta-countries").fill("7")
    page.keyboard.press("Control+Enter")
    page.get_by_role("region", name="Numbers 4").get_by_label("beta-countries", exact=True).wait_for()
    eventually(
        lambda: page.locator('[data-kind="number"] [data-key="beta-countries"] :focus').count() == 1, "the focus"
    )
    assert '  "shipping-rates": {\n    "standard": 1.50\n  },\n' in stage.path.read_text()


@scenario
def bad_json(stage: Stage) -> None:
    """Bad JSON brings a message with its place; the text stays, the file stays, and the repaired text is saved."""
    page = stage.page()
    before = stage.path.read_text()
    bad = '{\n  "standard": 4.9,\n  "express": }'
    rates = field(page, "shipping-rates")
    rates.fill(bad)
    await_text(note(page, "shipping-rates"), "Not JSON yet")
    page.keyboard.press("Control+Enter")
    await_text(note(page, "shipping-rates"), "line 3, column 14: ")

    assert rates.get_attribute("aria-invalid") == "true"
    # Whatever happens elsewhere, what was typed stays.
    switch(page, "dark-mode").click()
    eventually(lambda: stage.client.get_bool("dark-mode"), "the change at the client")
    await_text(page.locator("#changes"), "dark-mode")
    assert rates.input_value() == bad
    assert "line 3, column 14: " in note(page, "shipping-rates").text_content()
    assert stage.path.read_text() == before.replace('"dark-mode": false', '"dark-mode": true')
    assert stage.client.get_json("shipping-rates") == {"standard": 4.9, "express": 12.5}

    rates.fill(bad.replace("}", "0}"))
    page.keyboard.press("Control+Enter")
    eventually(
        lambda: stage.client.get_json("shipping-rates") == {"standard": 4.9, "express": 0}, "the repaired object"
    )
    note(page, "shipping-rates").wait_for(state="hidden")
    assert rates.get_attribute("aria-invalid") is None


@scenario
def two_pages(stage: Stage) -> None:
    """What is changed on one page is shown on the other, and each sees the clients that come and go."""
    one, two = stage.page(), stage.page()
    switch(one, "new-checkout").click()
    await_checked(switch(two, "new-checkout"), False)
    field(two, "theme").fill("noon")
    two.keyboard.press("Enter")
    await_value(field(one, "theme"), "noon")
    one.locator('[data-key="beta-countries"]').hover()
    one.get_by_role("button", name="Remove beta-countries").click()
    one.get_by_role("button", name="Really remove beta-countries").click()
    field(two, "beta-countries").wait_for(state="detached")

    for page in (one, two):
        await_text(page.locator("#clients"), f"soasap-python {soasap.__version__} · threads")
    stage.client.close()
    for page in (one, two):
        await_text(page.locator("#clients"), "None yet")


@scenario
def conflict(stage: Stage) -> None:
    """A flag changed elsewhere while it is edited shows both values; each of them can win, and none goes unseen."""
    one, two = stage.page(), stage.page()
    for wins, expected in (("Keep mine", 40), ("Take theirs", 51)):
        theirs = expected if wins == "Take theirs" else 30
        mine = "40" if wins == "Keep mine" else "50"
        field(one, "checkout-limit").fill(mine)
        field(two, "checkout-limit").fill(str(theirs))
        two.keyboard.press("Enter")
        await_text(note(one, "checkout-limit"), f"Meanwhile the file says {theirs}")
        assert field(one, "checkout-limit").input_value() == mine
        await_client(stage, "checkout-limit", theirs)

        one.get_by_role("button", name=wins).click()
        for page in (one, two):
            await_value(field(page, "checkout-limit"), str(expected))
        await_client(stage, "checkout-limit", expected)
        note(one, "checkout-limit").wait_for(state="hidden")  # it is empty


@scenario
def broken_file(stage: Stage) -> None:
    """A file broken on disk is told with line and column; a change is refused, the file and the typing stay."""
    page = stage.page()
    stage.path.write_text('{"theme": "midnight",\n "n": }')
    await_text(page.locator("#problem"), "flags.json:2:7: ")
    field(page, "theme").fill("noon")
    page.keyboard.press("Enter")
    await_text(note(page, "theme"), "flags.json:2:7: ")

    assert stage.path.read_text() == '{"theme": "midnight",\n "n": }'
    assert field(page, "theme").input_value() == "noon"
    assert stage.client.get_string("theme") == "midnight"

    stage.path.write_text('{"theme": "midnight",\n "n": 1}')
    page.locator("#problem").wait_for(state="hidden")
    field(page, "theme").press("Enter")
    eventually(lambda: stage.client.get_string("theme") == "noon", "the change at the client")


@scenario
def server_restarts(stage: Stage) -> None:
    """A page outlives its server: it says so, keeps what was typed, comes back by itself, and saves."""
    page = stage.page()
    field(page, "theme").fill("noon")
    stage.server.kill()
    page.get_by_text("Reconnecting").wait_for()
    field(page, "theme").press("Enter")
    await_text(note(page, "theme"), "The server does not answer")
    stage.server = ServerProcess(str(stage.path), port=stage.server.port)
    page.get_by_text("Live", exact=True).wait_for()

    assert field(page, "theme").input_value() == "noon"
    field(page, "theme").press("Enter")
    await_text(page.locator("#said"), "theme saved")
    assert json.loads(stage.path.read_text())["theme"] == "noon"


@scenario
def keyboard_only(stage: Stage) -> None:
    """Everything can be done without a mouse: find, toggle, edit, take back, add and remove."""
    page = stage.page()
    keys = page.keyboard
    keys.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the flags"

    keys.press("/")
    keys.type("DARK mode")
    await_text(page.locator("#found"), "1 of 11 flags")
    keys.press("Escape")
    await_text(page.locator("#found"), "")
    keys.type("dark")
    while page.evaluate("document.activeElement.getAttribute('role')") != "switch":
        keys.press("Tab")
    keys.press("Space")
    eventually(lambda: stage.client.get_bool("dark-mode"), "the change at the client")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "switch"

    keys.press("/")
    keys.press("Escape")
    field(page, "theme").focus()
    keys.press("Control+A")
    keys.type("dawn")
    keys.press("Escape")
    await_value(field(page, "theme"), "midnight")

    page.get_by_role("button", name="New flag").focus()
    keys.press("Enter")
    keys.type("retries")
    keys.press("Tab")
    keys.type("Number")
    keys.press("Tab")
    keys.press("Control+A")
    keys.type("3")
    keys.press("Enter")
    await_client(stage, "retries", 3)
    row = '[data-key="retries"]'
    eventually(lambda: page.locator(f"{row} :focus").count() == 1, "the focus on the new flag")
    keys.press("Tab")
    keys.press("Enter")
    await_text(page.locator(row), "Remove?")
    keys.press("Enter")
    await_client(stage, "retries", -1)
    eventually(lambda: page.locator(f".flag:not({row}) :focus").count() == 1, "the focus on a neighbour")
