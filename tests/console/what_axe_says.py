"""What axe objects to on a page."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE = Axe().axe_script

OBJECTIONS = """
axe.run({ resultTypes: ["violations"] })
  .then((found) => found.violations.map((rule) => [rule.id, rule.nodes[0].target]))
"""

PAGE_OBJECTIONS = """
async (seen) => {
  const told = (found) => found.violations.map((rule) => [rule.id, rule.nodes[0].target]);
  const rules = { "color-contrast": { enabled: false } };
  const said = told(await axe.run({ resultTypes: ["violations"], rules }));
  const known = new Set(seen), ways = new Map(), looked = new Set(), wanted = [];
  const plain = "rgba(0, 0, 0, 0),none,1,static,none,normal";
  const behind = (node) => {
    if (!(node instanceof Element)) return "";
    if (!ways.has(node)) {
      const of = getComputedStyle(node);
      const own = [of.backgroundColor, of.backgroundImage, of.opacity, of.position, of.filter, of.mixBlendMode].join();
      ways.set(node, behind(node.parentNode) + (own === plain ? "" : "/" + own));
    }
    return ways.get(node);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (looked.has(node) || !texts.currentNode.data.trim()) continue;
    looked.add(node);
    const of = getComputedStyle(node);
    const sign = [of.color, of.fontSize, of.fontWeight, of.textShadow, behind(node)].join("|");
    if (known.has(sign)) continue;
    known.add(sign);
    wanted.push(node);
  }
  if (wanted.length) {
    const options = { resultTypes: ["violations"], runOnly: ["color-contrast"] };
    said.push(...told(await axe.run({ include: wanted }, options)));
  }
  return [said, [...known]];
}
"""
"""What axe objects to on one page of many; contrast is measured once for each way in which texts are painted.

Pages have thousands of texts and some seventy such ways: by the colour, size and weight of the text, and by whatever is
painted behind it. Measuring all of them is two thirds of what axe does.
"""


def objections(page: Page) -> list[Any]:
    """Return what axe objects to: each rule with the first place that breaks it."""
    page.evaluate(AXE)
    return list(page.evaluate(OBJECTIONS))
