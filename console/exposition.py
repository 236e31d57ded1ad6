"""Writes figures in the text format that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


def family(name: str, kind: str, meaning: str, samples: Iterable[Sample]) -> str:
    """Return the lines of one metric; without samples there is nothing to say of it."""
    lines = [_sample(name, labels, value) for labels, value in samples]
    return "\n".join([f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *lines, ""]) if lines else ""


def histogram(name: str, meaning: str, limits: Iterable[float], counts: Iterable[float], total: float) -> str:
    """Return the lines of a histogram from counts that are not added up, one more than there are limits."""
    lines, sum_so_far = [f"# HELP {name} {meaning}", f"# TYPE {name} histogram"], 0.0
    for limit, count in zip([*map(_number, limits), "+Inf"], counts, strict=True):
        sum_so_far += count
        lines.append(_sample(f"{name}_bucket", {"le": limit}, sum_so_far))
    lines += [_sample(f"{name}_sum", {}, total), _sample(f"{name}_count", {}, sum_so_far)]
    return "\n".join([*lines, ""])


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f'{label}="{_escaped(one)}"' for label, one in labels.items())
    return f"{name}{{{pairs}}} {_number(value)}" if pairs else f"{name} {_number(value)}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
