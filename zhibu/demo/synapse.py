"""A real Synapse on loopback, started and stopped with the sample branch; its folder keeps everything it knows."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import secrets
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
from msgspec import Struct

from content.discreet import repr_without

HIGH = {"per_second": 10_000, "burst_count": 10_000}


class SynapseFailed(Exception):
    """The homeserver did not come up or refused an administrator's request; the text says where to look."""


class Account(Struct, frozen=True, kw_only=True):
    """A login on this homeserver. Token and password are for the sample branch only."""

    user_id: str
    access_token: str
    device_id: str
    password: str

    def __repr__(self) -> str:
        return repr_without(self, "access_token", "password")


class Synapse:
    """One homeserver process that belongs to this object, listening on 127.0.0.1 only, without federation."""

    def __init__(
        self,
        folder: Path,
        port: int,
        server_name: str = "zhibu.localhost",
        *,
        generous: bool = True,
        cached_sync: bool = True,
        encrypted_by_default: bool = False,
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Describe the server; nothing happens before ``start``.

        ``generous`` lifts all rate limits, ``cached_sync=False`` turns off the two-minute memory of equal syncs (for
        tests), ``encrypted_by_default`` encrypts every new invite-only room, ``settings`` overrides single entries.
        """
        self.folder = folder
        self.port = port
        self.server_name = server_name
        self.generous = generous
        self.cached_sync = cached_sync
        self.encrypted_by_default = encrypted_by_default
        self.settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address clients use."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Return the process id while the server runs."""
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path:
        """Return the file that holds what the server says."""
        return self.folder / "synapse.log"

    async def __aenter__(self) -> Synapse:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, deadline: float = 90) -> None:
        """Start the server and wait until it, and not another process on this port, answers.

        Raises SynapseFailed when the port is taken, the process ends, or nothing answers within the deadline.
        """
        if self._process is not None:
            return
        config = self._write_folder()
        self._end_leftover(config)
        await self._refuse_taken_port()
        self._process = self._launch(config)
        try:
            async with asyncio.timeout(deadline):
                await self._wait_for_answer(self._process)
        except TimeoutError:
            await self.stop()
            raise SynapseFailed(f"Synapse did not answer within {deadline:.0f} s, see {self.log}") from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self, patience: float = 10) -> None:
        """End the server politely, and by force when it does not listen."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(process.wait, patience)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        (self.folder / "synapse.pid").unlink(missing_ok=True)

    def kill(self) -> None:
        """End the server at once, as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    async def register(
        self, localpart: str, password: str, *, admin: bool = False, displayname: str | None = None
    ) -> Account:
        """Make an account, or sign in to it when it exists already with this password."""
        path = "/_synapse/admin/v1/register"
        nonce = (await self._ask("GET", path))["nonce"]
        words = [nonce, localpart, password, "admin" if admin else "notadmin"]
        mac = hmac.new(self._secret().encode(), "\0".join(words).encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": localpart, "password": password, "admin": admin, "mac": mac}
        if displayname:
            body["displayname"] = displayname
        try:
            answer = await self._ask("POST", path, body)
        except SynapseFailed as error:
            if "M_USER_IN_USE" not in str(error):
                raise
            return await self.log_in(localpart, password)
        return _account(answer, password)

    async def log_in(self, localpart: str, password: str) -> Account:
        """Sign in on a new device."""
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": localpart},
            "password": password,
        }
        return _account(await self._ask("POST", "/_matrix/client/v3/login", body), password)

    async def override_ratelimit(self, user_id: str, admin_token: str) -> None:
        """Lift all rate limits of one account; needs a server administrator's token."""
        path = f"/_synapse/admin/v1/users/{user_id}/override_ratelimit"
        await self._ask("POST", path, {"messages_per_second": 0, "burst_count": 0}, admin_token)

    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, token: str | None = None
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = aiohttp.ClientTimeout(total=30)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, self.url + path, json=body, headers=headers) as response,
        ):
            answer = await response.json()
            if response.status != 200:
                raise SynapseFailed(f"{method} {path}: {response.status} {answer.get('errcode')}")
            return dict(answer)

    async def _wait_for_answer(self, process: subprocess.Popen[bytes]) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                if process.poll() is not None:
                    raise SynapseFailed(f"Synapse ended with code {process.returncode}, see {self.log}")
                try:
                    async with session.get(self.url + "/_matrix/client/versions") as response:
                        if response.status == 200 and process.poll() is None:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.1)

    async def _refuse_taken_port(self) -> None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return
        writer.close()
        await writer.wait_closed()
        raise SynapseFailed(f"port {self.port} is in use by another program")

    def _launch(self, config: Path) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "synapse.app.homeserver", "-c", str(config)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal must reach us first, so that we stop things in order.
                start_new_session=True,
            )
        (self.folder / "synapse.pid").write_text(str(process.pid))
        return process

    def _end_leftover(self, config: Path) -> None:
        """End the server of an earlier run that was killed before it could stop its own: same folder, same config."""
        note = self.folder / "synapse.pid"
        try:
            pid = int(note.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return
        if os.fsencode(config) not in command:
            return
        descriptor = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([descriptor], [], [], 10)
        finally:
            os.close(descriptor)

    def _secret(self) -> str:
        return (self.folder / "registration.secret").read_text()

    def _write_folder(self) -> Path:
        self.folder = self.folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for name in ("registration", "macaroon", "form"):
            _write_once(self.folder / f"{name}.secret", secrets.token_urlsafe(32))
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        _write_once(self.folder / "signing.key", f"ed25519 a_zhibu {seed}\n")
        (self.folder / "log.yaml").write_text(json.dumps(_log_config()))
        config = self.folder / "homeserver.yaml"
        # JSON is YAML; written anew at each start because the port may have changed.
        config.write_text(json.dumps(self._config() | self.settings, indent=2))
        config.chmod(0o600)
        return config

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "server_name": self.server_name,
            "public_baseurl": self.url + "/",
            "listeners": [
                {
                    "port": self.port,
                    "bind_addresses": ["127.0.0.1"],
                    "type": "http",
                    "tls": False,
                    "resources": [{"names": ["client"]}],
                }
            ],
            "database": {"name": "sqlite3", "args": {"database": str(self.folder / "homeserver.db")}},
            "media_store_path": str(self.folder / "media"),
            "signing_key_path": str(self.folder / "signing.key"),
            "log_config": str(self.folder / "log.yaml"),
            "registration_shared_secret": self._secret(),
            "macaroon_secret_key": (self.folder / "macaroon.secret").read_text(),
            "form_secret": (self.folder / "form.secret").read_text(),
            "report_stats": False,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "federation_domain_whitelist": [],
            "presence": {"enabled": False},
            "url_preview_enabled": False,
            "enable_registration": False,
            "bcrypt_rounds": 4,
            "default_room_version": "12",
            "encryption_enabled_by_default_for_room_type": "invite" if self.encrypted_by_default else "off",
        }
        if not self.cached_sync:
            config["caches"] = {"sync_response_cache_duration": 0}
        return config | (_generous_limits() if self.generous else {})


def _account(answer: dict[str, Any], password: str) -> Account:
    return Account(
        user_id=answer["user_id"],
        access_token=answer["access_token"],
        device_id=answer["device_id"],
        password=password,
    )


def _write_once(path: Path, text: str) -> None:
    if path.exists():
        return
    path.touch(0o600)
    path.write_text(text)


def _log_config() -> dict[str, Any]:
    return {
        "version": 1,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"level": "WARNING", "handlers": ["console"]},
        "disable_existing_loggers": False,
    }


def _generous_limits() -> dict[str, Any]:
    return {
        "rc_message": HIGH,
        "rc_registration": HIGH,
        "rc_login": {"address": HIGH, "account": HIGH, "failed_attempts": HIGH},
        "rc_joins": {"local": HIGH, "remote": HIGH},
        "rc_joins_per_room": HIGH,
        "rc_invites": {"per_room": HIGH, "per_user": HIGH, "per_issuer": HIGH},
        "rc_room_creation": HIGH,
        "rc_media_create": HIGH,
    }
