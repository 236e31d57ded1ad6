"""The console's pages, in the order in which the rail shows them."""

from __future__ import annotations

from flask import Blueprint

from console.pages import (
    amendments,
    ballots,
    calendar,
    checkins,
    corrections,
    health,
    home,
    imports,
    leaving,
    lessons,
    members,
    metrics,
    outbox,
    participation,
    polls,
    preferences,
    records,
    rooms,
    safe_mode,
    schedules,
    sign_in,
    texts,
    unheard,
    voting,
)

PAGES: tuple[Blueprint, ...] = (
    home.pages,
    calendar.pages,
    lessons.pages,
    schedules.pages,
    checkins.pages,
    amendments.pages,
    records.pages,
    corrections.pages,
    polls.pages,
    ballots.pages,
    participation.pages,
    members.pages,
    imports.pages,
    leaving.pages,
    rooms.pages,
    outbox.pages,
    unheard.pages,
    texts.pages,
    preferences.pages,
    sign_in.pages,
    voting.pages,
    safe_mode.pages,
    health.pages,
    metrics.pages,
)
