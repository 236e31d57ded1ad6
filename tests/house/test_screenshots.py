"""Of every page there is a picture to look at, or a reason why not."""

from __future__ import annotations

from tests.screenshots import LEFT_OUT, routes, rules


def test_every_page_is_shot_or_left_out_for_a_reason() -> None:
    pages = rules(routes())
    assert pages.keys() >= LEFT_OUT.keys()
    assert all(LEFT_OUT.values())
    files = {
        name for name, rule in pages.items() if "." in rule.rule or ("<key>" in rule.rule and "shelved" in rule.rule)
    }
    assert files - LEFT_OUT.keys() == set()
