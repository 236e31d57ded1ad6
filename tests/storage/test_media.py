"""Media are kept once, in pieces, with what the homeserver takes; and pictures of older tables are still there."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import Connection, text

from content.lessons import LessonRevised
from content.media import Kind, MediumKept
from storage import lessons, media
from storage.engines import WRITE, open_engine
from storage.media import CHUNK, MediumUploaded, UploadLimitSeen
from storage.migrate import alembic_config
from storage.store import Store
from tests.small_branch import LESSON, ME, NOON, SECRETARY, HandClock, SmallBranch, lesson

VIDEO = MediumKept(
    hash="ee" * 32,
    name="讲解.mp4",
    mimetype="video/mp4",
    data=bytes(range(256)) * (CHUNK // 256) * 2 + b"end",
    width=640,
    height=360,
    kind=Kind.VIDEO,
    seconds=75,
)


async def test_bytes_come_back_piece_by_piece_as_they_were(branch: SmallBranch) -> None:
    await branch.store.settle(notes=[VIDEO, VIDEO])
    found = await branch.store.read(lambda unit: media.medium(unit, VIDEO.hash))
    assert found is not None
    assert (found.kind, found.size, found.pieces, found.seconds) == (Kind.VIDEO, len(VIDEO.data), 3, 75)
    parts = [await branch.store.read(lambda unit, at=place: media.piece(unit, VIDEO.hash, at)) for place in range(3)]  # type: ignore[misc]
    assert max(len(part) for part in parts) == CHUNK
    assert b"".join(parts) == VIDEO.data
    assert await branch.store.read(lambda unit: media.medium(unit, "0" * 64)) is None


async def test_a_lesson_remembers_what_its_media_are(branch: SmallBranch) -> None:
    shown = VIDEO.described("安全讲解")
    revised = LessonRevised(lesson=lesson(media=(shown,), revision=2), author=SECRETARY)
    await branch.store.settle(notes=[VIDEO, revised])
    kept = await branch.store.read(lambda unit: lessons.lesson(unit, LESSON))
    assert kept is not None
    assert kept.media == (shown,)
    without = LessonRevised(lesson=lesson(revision=3), author=SECRETARY)
    await branch.store.settle(notes=[without])
    assert await branch.store.read(lambda unit: lessons.media_of(unit, LESSON)) == (shown,)


async def test_it_is_uploaded_once_for_clear_and_once_for_encrypted_rooms(branch: SmallBranch) -> None:
    clear = MediumUploaded(hash=VIDEO.hash, encrypted=False, content={"url": "mxc://a/1"})
    again = MediumUploaded(hash=VIDEO.hash, encrypted=False, content={"url": "mxc://a/2"})
    await branch.store.settle(notes=[VIDEO, clear, again])
    assert await branch.store.read(lambda unit: media.upload(unit, VIDEO.hash, encrypted=False)) == {"url": "mxc://a/1"}
    assert await branch.store.read(lambda unit: media.upload(unit, VIDEO.hash, encrypted=True)) is None


async def test_the_homeserver_s_last_word_on_its_limit_holds(branch: SmallBranch, clock: HandClock) -> None:
    assert await branch.store.read(media.upload_limit) is None
    for limit in (10_000_000_000, 1024):
        await branch.store.settle(notes=[UploadLimitSeen(user=ME, bytes=limit, at=clock.forward(hours=1))])
        assert await branch.store.read(media.upload_limit) == limit
    await branch.store.settle(notes=[UploadLimitSeen(user=ME, bytes=None, at=clock.forward(hours=1))])
    assert await branch.store.read(media.upload_limit) is None


@pytest.mark.parametrize("uploaded", [True, False])
async def test_pictures_that_were_kept_before_are_media_now(empty_address: str, uploaded: bool) -> None:
    engine = open_engine(empty_address)

    def older(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")

    async with engine.connect() as plain:
        connection = await plain.execution_options(**WRITE)
        async with connection.begin():
            await connection.run_sync(older)
            at = {"at": NOON.replace(tzinfo=None) if engine.dialect.name == "sqlite" else NOON}
            for statement, values in OLDER + (UPLOADED if uploaded else ()):
                await connection.execute(text(statement), {**values, **(at if ":at" in statement else {})})
    await engine.dispose()
    store = await Store.open(empty_address)
    found = await store.read(lambda unit: media.medium(unit, "ab" * 32))
    kept = await store.read(lambda unit: lessons.lesson(unit, LESSON))
    data = await store.read(lambda unit: media.piece(unit, "ab" * 32, 0))
    upload = await store.read(lambda unit: media.upload(unit, "ab" * 32, encrypted=True))
    await store.close()
    assert found is not None
    assert (found.kind, found.name, found.size, found.pieces, data) == (Kind.PICTURE, "map.png", 7, 1, b"picture")
    assert upload == ({"file": {}} if uploaded else None)
    assert kept is not None
    (shown,) = kept.media
    assert (shown.kind, shown.alternative, shown.size) == (Kind.PICTURE, "地图", 7)


OLDER = (
    (
        (
            "INSERT INTO organisations (id, kind, name, timezone, language, place)"
            " VALUES ('roof', 'branch', '支部', 'Asia/Shanghai', 'zh_CN', 0)"
        ),
        {},
    ),
    (
        (
            "INSERT INTO lessons (id, owner_id, kind, title, pack, revision, author, written_at)"
            " VALUES ('lesson', 'roof', 'lesson', '安全', '', 1, 'x', :at)"
        ),
        {},
    ),
    (
        (
            "INSERT INTO lesson_revisions"
            " (lesson_id, revision, title, body, source, minutes, pictures, author, written_at)"
            " VALUES ('lesson', 1, '安全', '文', '', 8, :pictures, 'x', :at)"
        ),
        {"pictures": '[{"hash": "' + "ab" * 32 + '", "name": "map.png", "alternative": "地图"}]'},
    ),
    (
        (
            "INSERT INTO pictures (hash, name, mimetype, width, height, size, data)"
            " VALUES (:hash, 'map.png', 'image/png', 3, 2, 7, :data)"
        ),
        {"hash": "ab" * 32, "data": b"picture"},
    ),
)
UPLOADED = (
    (
        "INSERT INTO uploads (hash, encrypted, content) VALUES (:hash, 1, :content)",
        {"hash": "ab" * 32, "content": '{"file": {}}'},
    ),
)
