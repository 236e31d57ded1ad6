"""Pages of the console at the server, in process: an organisation of 10,000 members, with short and long history."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import click
from flask.testing import FlaskClient

from bench.databases import database
from bench.figures import Figure, quantile, table
from bench.seeding import NOW, SECRETARY, Seeded, Size, seed
from console.access import digest
from console.app import create_app
from console.settings import ConsoleSettings
from content.sessions import LinkIssued
from storage.store import Store
from zhibu.catalogue import load_speech

HEADERS = {"Host": "console.example.org", "Accept-Language": "zh-CN"}
AIM = "≤ 50 ms"
LONG_AGO = "2000-01-01"


@contextlib.contextmanager
def console(address: str) -> Iterator[FlaskClient]:
    """Give a browser that is signed in as the secretary of the whole, over the store at an address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    store = asyncio.run_coroutine_threadsafe(Store.open(address, lambda: NOW), loop).result()
    try:
        settings = ConsoleSettings(
            address="http://console.example.org", secure_cookies=False, second_factor_required=False
        )
        client = create_app(store, loop, load_speech(), settings).test_client()
        token = secrets.token_urlsafe(24)
        link = LinkIssued(token_hash=digest(token), user=SECRETARY, expires_at=NOW + timedelta(hours=1))
        asyncio.run_coroutine_threadsafe(store.settle(notes=[link]), loop).result()
        page = client.get(f"/sign-in/{token}", headers=HEADERS).get_data(as_text=True)
        mark = re.findall(r'name="csrf" value="([^"]+)"', page)[-1]
        client.post(f"/sign-in/{token}", headers=HEADERS, data={"csrf": mark, "nonce": secrets.token_urlsafe(18)})
        # As the console does when it begins to serve.
        gc.freeze()
        yield client
    finally:
        asyncio.run_coroutine_threadsafe(store.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def addresses(seeded: Seeded) -> dict[str, str]:
    """Return the pages to measure, by what they show."""
    branch, general = seeded.branches[7], seeded.general[0]
    member, _ = seeded.members[7][0]
    return {
        "today, whole organisation": "/",
        "today, one branch": f"/?org={branch}",
        "participation, eight weeks": "/participation",
        "participation, all years": f"/participation?since={LONG_AGO}",
        "participation, one branch, all years": f"/participation?org={branch}&since={LONG_AGO}",
        "participation by member, one branch": f"/participation/members?org={branch}",
        "participation by member, ten branches, all years": f"/participation/members?org={general}&since={LONG_AGO}",
        "one member, all years": f"/participation/members/{member}?since={LONG_AGO}",
        "check-ins": "/check-ins",
        "check-ins, one branch": f"/check-ins?org={branch}",
        "one occurrence, 300 branches": f"/check-ins/{seeded.open}",
        "one occurrence, one branch by name": f"/check-ins/{seeded.open}?org={branch}",
        "calendar, list": "/calendar",
        "calendar, month": "/calendar?view=month",
        "lessons": "/lessons",
        "roster": "/members",
        "roster, searched": "/members?q=%E5%BC%A0",
        "search everywhere, two characters": "/search?q=%E5%BC%A0%E6%98%8E",
        "search everywhere, a lesson": "/search?q=%E8%AF%BE",
        "search everywhere, nothing found": "/search?q=%E6%B2%A1%E6%9C%89%E7%9A%84",
        "outbox, waiting": "/outbox",
        "outbox, sent": "/outbox?tab=sent",
        "outbox, sent, one branch": f"/outbox?tab=sent&org={branch}",
        "polls": "/polls",
        "secret ballots": "/ballots",
        "elections": "/elections",
        "corrections": "/corrections",
        "organisation": "/organisation",
        "organisation, a branch": f"/organisation/{branch}",
        "duties": "/duties",
        "rooms": "/rooms",
        "rooms, one branch": f"/rooms?org={branch}",
        "record": "/record?since=2026-11-01",
        "record, one person": f"/record?person={member}",
        "who looked": "/looked",
        "system": "/system",
        "one member": f"/members/{member}",
        "one member, to edit": f"/members/{member}/edit",
        "doubles": "/members/doubles",
        "changes to the roster": "/members/edits",
        "imports": "/members/imports",
        "weekdays and hours": "/participation/times",
        "quarter report": "/participation/quarter",
        "burden meter": "/participation/burden",
        "meetings": "/meetings",
        "a meeting, to call": "/meetings/new",
        "a meeting": f"/meetings/{seeded.meeting}",
        "minutes of a meeting": f"/meetings/{seeded.meeting}/minutes",
        "a year of meetings, one branch": f"/meetings/year?org={branch}",
        "a year of meetings, whole organisation": "/meetings/year",
        "sign-ups": "/sign-ups",
        "a sign-up": f"/sign-ups/{seeded.sign_up}",
        "cases": "/cases",
        "a case": f"/cases/{seeded.case}",
        "dues, a month of a branch": f"/dues?org={branch}",
        "dues, a month of ten branches": f"/dues?org={general}",
        "dues of one member": f"/dues/members/{member}?org={branch}",
        "dues handed over": f"/dues/handovers?org={branch}",
        "help cases": "/help-cases",
        "help cases, ended": "/help-cases?state=ended",
        "a help case": f"/help-cases/{seeded.help_case}",
        "pledges": "/pledges",
        "a pledge": f"/pledges/{seeded.pledge}",
        "members who are away": "/away",
        "one member who is away": f"/members/{member}/away",
        "thought reports": "/thought-reports",
        "complaints": "/complaints",
        "complaints, answered": "/complaints?state=answered",
        "a year of moderation": "/cases/year",
        "guards": "/guards",
        "guards of a branch": f"/guards/{branch}",
        "locks": "/locks",
        "cleanings": "/cleanings",
        "policy rooms": "/policies",
        "knocks": "/knocks",
        "shifts": f"/calendar/shifts?org={branch}",
        "working days": "/calendar/workdays",
        "schedule": "/schedule",
        "not heard": "/unheard",
        "account": "/account",
        "help": "/help",
    }


def exports(seeded: Seeded) -> dict[str, str]:
    """Return the exports to measure; they are files, made when asked for, and have no aim."""
    branch = seeded.branches[7]
    return {
        "export: organisations, all years": f"/participation/export/places.csv?since={LONG_AGO}",
        "export: every member, eight weeks": "/participation/export/members.csv",
        "export: a year of dues of a branch": f"/dues/export/year.csv?org={branch}",
        "export: every place of a branch, all years": f"/participation/export/rows.csv?org={branch}&since={LONG_AGO}",
    }


def visit(client: FlaskClient, path: str, times: int) -> tuple[list[float], list[float]]:
    """Ask for a page several times; returns seconds by the clock, and of this thread's processor, of each time."""
    walls, works = [], []
    for _ in range(times + 1):
        wall, work = time.perf_counter(), time.thread_time()
        answer = client.get(path, headers=HEADERS)
        answer.get_data()
        walls.append(time.perf_counter() - wall)
        works.append(time.thread_time() - work)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
    # The first visit compiles templates and statements.
    return walls[1:], works[1:]


def measure(*, engine: str = "sqlite", answers: int = 1_000_000, times: int = 20) -> list[Figure]:
    """Measure every page: the processor's time and the clock's, each in milliseconds at the server."""
    figures = []
    with database(engine) as address:
        seeded = seed(address, Size(answers=answers))
        with console(address) as client:
            for aim, wanted in ((AIM, addresses(seeded)), ("", exports(seeded))):
                for name, path in wanted.items():
                    walls, works = visit(client, path, times if aim else 3)
                    figures += [
                        Figure(name=f"{name}, p50", value=1000 * quantile(walls, 0.5), unit="ms", aim=aim),
                        Figure(name=f"{name}, p99", value=1000 * quantile(walls, 0.99), unit="ms"),
                        Figure(name=f"{name}, processor", value=1000 * quantile(works, 0.5), unit="ms"),
                    ]
    return figures


@click.command()
@click.option("--engine", type=click.Choice(["sqlite", "postgresql"]), default="sqlite")
@click.option("--answers", multiple=True, type=int, default=(100_000, 1_000_000), help="Sizes of history, in answers.")
@click.option("--times", default=20, help="How often each page is asked for.")
def main(engine: str, answers: tuple[int, ...], times: int) -> None:
    """Measure the pages, for each size of history."""
    for size in answers:
        print(f"\n{engine}, {size:,} answers\n")
        print(table(measure(engine=engine, answers=size, times=times)))


if __name__ == "__main__":
    main()
