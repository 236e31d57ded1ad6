"""Every case that is measured, in the order of the table."""

from __future__ import annotations

from bench import on_stub, on_synapse
from bench.measuring import Case

CASES: tuple[Case, ...] = (
    on_stub.COMMANDS,
    on_stub.SEALED_COMMANDS,
    on_synapse.COMMANDS,
    on_synapse.FAN_OUT,
    on_stub.AT_REST,
    on_stub.RUSH,
)
