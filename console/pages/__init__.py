"""The console's pages, in the order in which the rail shows them."""

from __future__ import annotations

from flask import Blueprint

from console.pages import (
    calendar,
    checkins,
    corrections,
    health,
    home,
    lessons,
    members,
    outbox,
    participation,
    polls,
    preferences,
    records,
    schedules,
    sign_in,
)

PAGES: tuple[Blueprint, ...] = (
    home.pages,
    calendar.pages,
    lessons.pages,
    schedules.pages,
    checkins.pages,
    records.pages,
    corrections.pages,
    polls.pages,
    participation.pages,
    members.pages,
    outbox.pages,
    preferences.pages,
    sign_in.pages,
    health.pages,
)
