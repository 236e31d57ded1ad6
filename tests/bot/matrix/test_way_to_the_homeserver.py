"""A homeserver that cannot prove who it is, or is not found by its name, is told nothing and is a fault to wait for."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.matrix.faults import Fault, Kind
from bot.matrix.wire import Wire

NOW = datetime.now(UTC)
TOKEN = "the token of the bot"
AGES = {"valid": timedelta(days=1), "over": -timedelta(days=1)}


class Authority:
    """Who vouches for the certificates of these tests."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "only a test")])
        basic = x509.BasicConstraints(ca=True, path_length=0)
        self.certificate = (
            self._build(self.name, self.key, timedelta(days=1))
            .add_extension(basic, True)
            .sign(self.key, hashes.SHA256())
        )

    def _build(self, name: x509.Name, key: Any, left: timedelta) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=2))
            .not_valid_after(NOW + left)
        )

    def serve(self, folder: Path, host: str, *, left: timedelta, signed: bool = True) -> ssl.SSLContext:
        """Make a server's side with a certificate for a host; without ``signed`` it vouches for itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key, left)
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = builder.add_extension(names, False).sign(self.key if signed else key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = folder / "server.pem"
        file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Give an authority that the chat side trusts from now on, as it does those of the system."""
    made = Authority()
    trusted = aiohttp.connector._SSL_CONTEXT_VERIFIED
    trusted.load_verify_locations(cadata=made.certificate.public_bytes(serialization.Encoding.PEM).decode())
    return made


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[str | None]]]:
    """Serve on the old address of this machine alone; give the port, and what each request showed to be let in."""
    shown: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        shown.append(request.headers.get("Authorization"))
        return web.json_response({"user_id": "@zhibu:test"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1], shown
    finally:
        await runner.cleanup()


async def ask(address: str) -> dict[str, Any] | Fault:
    """Make one call, as the bot does, and return what came of it."""
    wire = Wire(address, TOKEN, deadline=10)
    try:
        return await wire.ask("GET", "/_matrix/client/v3/account/whoami")
    except Fault as fault:
        return fault
    finally:
        await wire.close()


async def test_a_homeserver_that_proves_who_it_is_is_spoken_to(authority: Authority, tmp_path: Path) -> None:
    """F49, control: the certificates of the next tests are refused for the one thing that is wrong with each."""
    async with serving(authority.serve(tmp_path, "localhost", left=AGES["valid"])) as (port, shown):
        assert await ask(f"https://localhost:{port}") == {"user_id": "@zhibu:test"}
    assert shown == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize("wrong", ["expired", "for another host", "of nobody", "of an old protocol"])
async def test_a_homeserver_that_cannot_prove_who_it_is_is_told_nothing(
    authority: Authority, tmp_path: Path, wrong: str
) -> None:
    """F49."""
    host = "another.example" if wrong == "for another host" else "localhost"
    left = AGES["over" if wrong == "expired" else "valid"]
    context = authority.serve(tmp_path, host, left=left, signed=wrong != "of nobody")
    if wrong == "of an old protocol":
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    async with serving(context) as (port, shown):
        fault = await ask(f"https://localhost:{port}")
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.permanent) == (Kind.UNREACHABLE, False)
    assert TOKEN not in str(fault)
    assert shown == []


def resolving(monkeypatch: pytest.MonkeyPatch, *found: tuple[int, str]) -> Callable[[], int]:
    """Let every name lead to these addresses, or to none; give how often that was asked."""
    asked = 0

    async def look_up(_host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        nonlocal asked
        asked += 1
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (family, socket.SOCK_STREAM, 6, "", (ip, port) if family == socket.AF_INET else (ip, port, 0, 0))
            for family, ip in found
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    return lambda: asked


async def test_a_name_that_leads_nowhere_is_a_fault_to_wait_for_and_names_no_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F50: the listening loop waits longer and longer after a fault of this kind."""
    asked = resolving(monkeypatch)
    fault = await ask("https://homeserver.example")
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.permanent, asked()) == (Kind.UNREACHABLE, False, 1)
    assert "example" not in str(fault)


async def test_an_address_that_has_moved_is_found_again_by_the_next_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F50: nothing is kept of where a name led to before."""
    async with serving() as (port, shown):
        resolving(monkeypatch, (socket.AF_INET, "127.0.0.9"))
        fault = await ask(f"http://homeserver.example:{port}")
        assert isinstance(fault, Fault)
        assert fault.kind is Kind.UNREACHABLE
        resolving(monkeypatch, (socket.AF_INET, "127.0.0.1"))
        assert await ask(f"http://homeserver.example:{port}") == {"user_id": "@zhibu:test"}
    assert len(shown) == 1


async def test_a_newer_address_that_does_not_answer_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """F50: a name with an address of IPv6 that leads nowhere, and one of IPv4 that works."""
    async with serving() as (port, shown):
        resolving(monkeypatch, (socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"))
        assert await ask(f"http://homeserver.example:{port}") == {"user_id": "@zhibu:test"}
    assert len(shown) == 1
