"""How often a form is held, as pages say it: with what stands behind the number beside it."""

from __future__ import annotations

from console.wording import t
from content.cadence import Norm


def shown(norm: Norm | None) -> str:
    """Say how often, and by what: 条例, 地方, 习惯 or what an organisation has set by itself."""
    if norm is None:
        return t("cadence.off")
    return t(
        "cadence.norm", often=t(f"cadence.each_{norm.every}", n=norm.count), label=t(f"cadence.label_{norm.label}")
    )
