"""How the page presents itself: to screen readers, in both colour schemes, on narrow windows, and in the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compat.browser.acting import await_text, field, scenario, switch
from compat.waiting import eventually
from soasap import create_soasap_client

if TYPE_CHECKING:
    from compat.browser.stage import Stage


@scenario
def names_for_screen_readers(stage: Stage) -> None:
    """Whatever can be operated has a name, groups have headings, and messages are announced."""
    page = stage.page()
    tree = page.locator("body").aria_snapshot()

    for part in ('heading "flags.json" [level=1]', 'heading "Booleans 4" [level=2]', 'switch "new-checkout" [checked]'):
        assert part in tree, tree
    for part in ('searchbox "Search flags by key or value"', 'textbox "theme": midnight', 'button "Remove theme"'):
        assert part in tree, tree
    for line in tree.splitlines():
        assert line.strip() not in {"- button", "- textbox", "- switch", "- searchbox", "- combobox"}, tree
    for message in ("#said", "#link", "#found"):
        assert page.locator(message).get_attribute("role") == "status"
    field(page, "checkout-limit").fill("many")
    described = field(page, "checkout-limit").get_attribute("aria-describedby")
    await_text(page.locator(f"#{described}"), "A number, please")


CONTRAST = """() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = parse(colour).slice(0, 3).map((part) => {
      part /= 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (colour !== "transparent" && parse(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("h1, h2, .count, .key, .quiet, code, button, input, textarea, .link, .name")]
    .filter((each) => each.checkVisibility({ opacityProperty: true }) && !each.matches(".switch, .said"))
    .map((each) => {
      const [one, two] = [light(getComputedStyle(each).color), light(behind(each))].sort((a, b) => a - b);
      return [(two + 0.05) / (one + 0.05), each.className || each.tagName, each.textContent.slice(0, 20)];
    })
    .filter(([contrast]) => contrast < 4.5);
}"""
"""The texts below the contrast of 4.5 that WCAG 2 asks for (level AA)."""


@scenario
def colour_schemes(stage: Stage) -> None:
    """The page follows the system's colour scheme, and its texts stand out in both."""
    papers = {}
    for scheme in ("light", "dark"):
        page = stage.page(color_scheme=scheme)
        field(page, "theme").fill("noon")
        papers[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        faint = page.evaluate(CONTRAST)
        assert faint == [], (scheme, faint)
    light, dark = (sum(map(int, paper[4:-1].split(", "))) for paper in (papers["light"], papers["dark"]))

    assert light > 3 * 200 > 3 * 60 > dark, papers


@scenario
def narrow_window(stage: Stage) -> None:
    """On a narrow window nothing is cut off sideways, and everything still works."""
    page = stage.page()
    page.set_viewport_size({"width": 360, "height": 640})
    switch(page, "dark-mode").click()
    eventually(lambda: stage.client.get_bool("dark-mode"), "the change at the client")

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@scenario
def screenshot(stage: Stage) -> None:
    """The picture of the README can be taken, and is small enough for it."""
    others = [create_soasap_client(api_key="any", base_url=stage.server.url, cache=None) for _ in range(2)]
    assert all(each.wait_ready(60) for each in others)
    page = stage.page(color_scheme="light")
    page.set_viewport_size({"width": 1100, "height": 740})
    switch(page, "dark-mode").click()
    await_text(page.locator("#changes"), "dark-mode")
    stage.path.write_text(stage.path.read_text().replace('"checkout-limit": 25', '"checkout-limit": 40'))
    await_text(page.locator("#changes"), "checkout-limit")
    field(page, "search-timeout").fill("3.5")
    page.mouse.move(0, 0)
    await_text(page.locator("#clients-count"), "3")
    page.locator("#said:not(.shown)").wait_for(state="attached")
    eventually(lambda: page.evaluate("document.getAnimations().every((each) => each.playState === 'finished')"), "rest")
    picture = page.screenshot(path=str(stage.path.with_name("page.png")))
    for each in others:
        each.close()

    assert 10_000 < len(picture) < 150_000
