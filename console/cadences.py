"""How often a form is held, as pages say it: with what stands behind the number beside it."""

from __future__ import annotations

from console.wording import t
from content.cadence import OFF, Norm, label_of_line


def shown(norm: Norm | None) -> str:
    """Say how often, and by what: 条例, 地方, 习惯 or what an organisation has set by itself."""
    if norm is None:
        return t("cadence.off")
    return t(
        "cadence.norm", often=t(f"cadence.each_{norm.every}", n=norm.count), label=t(f"cadence.label_{norm.label}")
    )


def said_line(value: str) -> str:
    """Say to which share attendance is held, and by what."""
    if value == OFF:
        return t("cadence.line_off")
    return t("cadence.share", n=int(value), label=t(f"cadence.label_{label_of_line(value)}"))
