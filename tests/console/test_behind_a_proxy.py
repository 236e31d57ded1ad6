"""The examples for nginx and Caddy, at work before a real console: what they pass on, refuse and write down."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import http.client
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from console.app import create_app
from console.server import serve
from console.settings import ConsoleSettings
from tests.console.console_house import House
from tests.machine import find_proxy, in_ci
from tests.synapse_fixture import free_port
from tests.waiting import until

EXAMPLES = Path(__file__).parents[2] / "docs" / "proxy"
NAME, VISITOR, LIAR = "zhibu.example.org", "127.0.0.2", "203.0.113.9"
TOKEN = "a-token-that-lets-somebody-in"
MEGABYTE = 1024 * 1024
REFUSED = (413, 502)
"""Too large; or the console said so and let go before it had heard all, which a proxy may take for a broken line."""

NGINX = """
user {user};
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/zhibu.conf;
}}
"""
"""What a distribution puts around the example: it writes a line for each request, and one for each error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A proxy at work; ``seen`` is what the console behind it takes each request for: path, host and from whom."""

    folder: Path
    port: int
    plain_port: int
    trust: ssl.SSLContext
    seen: list[tuple[str, str, str]]
    stop_console: Callable[[], None]

    def ask(self, path: str, *, body: int = 0, host: str = NAME, encrypted: bool = True) -> int:
        """Ask as a visitor from another address who lies about it, and return the status of the answer."""
        port = self.port if encrypted else self.plain_port
        link = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(VISITOR, 0))
        connection = http.client.HTTPConnection(NAME, port)
        connection.sock = self.trust.wrap_socket(link, server_hostname=NAME) if encrypted else link
        try:
            connection.putrequest("POST" if body else "GET", path, skip_host=True)
            connection.putheader("Host", host)
            connection.putheader("X-Forwarded-For", LIAR)
            connection.putheader("Content-Type", "application/x-www-form-urlencoded")
            connection.putheader("Content-Length", str(body))
            connection.endheaders()
            piece = bytes(MEGABYTE)
            with contextlib.suppress(OSError):  # it may have heard enough before the end
                for _ in range(body // MEGABYTE):
                    connection.send(piece)
            return connection.getresponse().status
        finally:
            connection.close()

    def written(self) -> str:
        """Return everything that the proxy has written anywhere."""
        files = [file for file in self.folder.rglob("*") if file.is_file() and file.suffix not in (".pem", ".conf")]
        return "\n".join(file.read_text(errors="replace") for file in files)


def certificate(folder: Path) -> ssl.SSLContext:
    """Write a certificate and its key for the name, and return what trusts it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "fullchain.pem").write_bytes(made)
    (folder / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    return ssl.create_default_context(cadata=made.decode())


def program(name: str) -> str:
    """Return a proxy's program; where it is missing, a run of CI fails."""
    found = find_proxy(name)
    if found is None:
        (pytest.fail if in_ci() else pytest.skip)(f"needs {name}")
    return found


def nginx(folder: Path, console: int, port: int, plain_port: int) -> list[str]:
    """Write the example with other ports, certificate and log, and return how it is run."""
    example = (EXAMPLES / "nginx.conf").read_text()
    for there, here in {
        "127.0.0.1:8480": f"127.0.0.1:{console}",
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl;\n": "",
        "/etc/ssl/zhibu/": f"{folder}/",
        "/var/log/nginx/error.log": f"{folder}/site-error.log",
    }.items():
        assert there in example
        example = example.replace(there, here)
    (folder / "zhibu.conf").write_text(example)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=getpass.getuser()))
    return [program("nginx"), "-e", f"{folder}/first-error.log", "-c", f"{folder}/nginx.conf"]


def caddy(folder: Path, console: int, port: int, plain_port: int) -> list[str]:
    """Write the example with other ports and a certificate at hand, and return how it is run."""
    example = (EXAMPLES / "Caddyfile").read_text()
    for there, here in {
        "127.0.0.1:8480": f"127.0.0.1:{console}",
        "zhibu.example.org {": f"zhibu.example.org {{\n\ttls {folder}/fullchain.pem {folder}/key.pem",
        "{\n\t# The addresses": f"{{\n\tadmin off\n\thttp_port {plain_port}\n\thttps_port {port}\n\t# The addresses",
    }.items():
        assert there in example
        example = example.replace(there, here)
    (folder / "Caddyfile.conf").write_text(example)
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile.conf"]


def _console(house: House, loop: asyncio.AbstractEventLoop, seen: list[tuple[str, str, str]]) -> flask.Flask:
    """Make a console that counts on one proxy, and notes what it takes each request for."""
    settings = ConsoleSettings(address=f"https://{NAME}", secure_cookies=True, proxies=1)
    app = create_app(house.store, loop, house.app.extensions["zhibu"].speech, settings)

    def note() -> None:
        seen.append((flask.request.path, flask.request.host, flask.request.remote_addr or ""))

    app.before_request_funcs.setdefault(None, []).insert(0, note)
    return app


def listens(process: subprocess.Popen[bytes], port: int, folder: Path) -> bool:
    """Tell whether a proxy listens by now; one that ended by itself says why."""
    if process.poll() is not None:
        pytest.fail("\n".join(file.read_text() for file in folder.glob("*.log")))
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
def way(request: pytest.FixtureRequest, house: House, loop: asyncio.AbstractEventLoop, tmp_path: Path) -> Iterator[Way]:
    """Give a proxy that runs by the example, before a console that counts on one."""
    folder = tmp_path / "proxy"
    folder.mkdir()
    trust = certificate(folder)
    seen: list[tuple[str, str, str]] = []
    server = serve(_console(house, loop, seen), "127.0.0.1", 0)
    port, plain_port = free_port(), free_port()
    command = request.param(folder, server.port, port, plain_port)
    environment = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "said.log").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment, cwd=folder)
    try:
        until(lambda: listens(process, port, folder), "a proxy that listens")
        yield Way(folder=folder, port=port, plain_port=plain_port, trust=trust, seen=seen, stop_console=server.stop)
    finally:
        process.terminate()
        process.wait(20)
        server.stop()


def test_the_console_hears_its_own_name_and_who_really_asks(way: Way) -> None:
    """I083: a visitor who names another address or another host is not believed."""
    assert way.ask("/sign-in") == 200
    assert way.seen[-1] == ("/sign-in", NAME, VISITOR)
    before = len(way.seen)
    assert way.ask("/sign-in", host="evil.example.org") in (200, 400, 404, 421)
    assert all(host != "evil.example.org" or at != LIAR for _, host, at in way.seen[before:])
    assert LIAR not in [at for _, _, at in way.seen]
    assert way.ask("/sign-in", encrypted=False) in (301, 308)


def test_what_is_for_machines_inside_is_not_there_from_outside(way: Way) -> None:
    for path in ("/metrics", "/ready"):
        assert way.ask(path) == 404
    assert [path for path, _, _ in way.seen if path in ("/metrics", "/ready")] == []


def test_a_video_gets_through_and_more_does_not(way: Way) -> None:
    """I076: what is too large for the page is said by the console, what is too large for all by the proxy."""
    assert way.ask("/sign-in/none", body=63 * MEGABYTE) in REFUSED
    assert way.seen[-1][0] == "/sign-in/none"
    assert way.ask("/lessons/new", body=65 * MEGABYTE) in REFUSED


def test_no_line_says_who_asked_for_what_while_the_console_answers_and_while_it_is_away(way: Way) -> None:
    """Addresses of links are secrets, and when somebody votes is nobody's business."""
    paths = [f"/sign-in/{TOKEN}", f"/ballot/enter/{TOKEN}", "/ballot", "/static/style.css", "/lessons"]
    for path in paths:
        way.ask(path)
        way.ask(path, encrypted=False)
    way.ask(f"/ballot/enter/{TOKEN}", body=65 * MEGABYTE)
    way.stop_console()
    assert [way.ask(path) for path in paths] == [502] * len(paths)
    written = way.written()
    assert [word for word in (TOKEN, "/ballot", "/lessons", VISITOR) if word in written] == []
