"""Every bot that takes part, as a process of its own that is started, watched and ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.stub import COMMANDS

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).with_name("peers")
KEPT = ROOT / ".bench"
"""What ``make bench`` installs and what it measures; ignored by git."""

PYTHON = KEPT / "venv" / "bin" / "python"
NODE_MODULES = KEPT / "node" / "node_modules"
_TICKS = os.sysconf("SC_CLK_TCK")

OURS, RAW = "zhibu", "raw aiohttp"
DEAF = "raw aiohttp, only sending"
"""The bare loop without its sync, which no bot can do; it shows what listening costs the homeserver meanwhile."""

SCRIPTS: dict[str, str] = {
    RAW: "raw.py",
    DEAF: "raw.py",
    "matrix-nio": "nio_bot.py",
    "simplematrixbotlib": "simplematrixbotlib_bot.py",
    "mautrix-python": "mautrix_bot.py",
}
MAUBOT, BOT_SDK = "maubot", "matrix-bot-sdk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where and as whom a bot signs in."""

    url: str
    user: str
    device: str
    token: str


def absent(name: str) -> str | None:
    """Return why a bot cannot take part on this machine, ``None`` where it can."""
    if name in (OURS, RAW, DEAF):
        return None
    if name == BOT_SDK:
        if shutil.which("node") is None:
            return "there is no node"
        return None if (NODE_MODULES / BOT_SDK).exists() else "npm has not installed it"
    return None if PYTHON.exists() else "its environment is missing"


def command(name: str, folder: Path, account: Account) -> list[str]:
    """Return the command line of a peer, after writing what it reads from its folder."""
    if name == BOT_SDK:
        return ["node", str(PEERS / "bot_sdk.js")]
    python = str(PYTHON if PYTHON.exists() else sys.executable)
    if name == MAUBOT:
        return [
            python,
            "-m",
            "maubot.standalone",
            "-c",
            str(_maubot_config(folder, account)),
            "-m",
            _maubot_meta(folder),
        ]
    return [python, str(PEERS / SCRIPTS[name])]


def _maubot_config(folder: Path, account: Account) -> Path:
    quiet = {"version": 1, "root": {"level": "ERROR", "handlers": []}}
    config = {
        "user": {
            "credentials": {
                "id": account.user,
                "homeserver": account.url,
                "access_token": account.token,
                # Without a device maubot does no encryption, as the others.
                "device_id": "",
            },
            "sync": True,
            "appservice": False,
            "autojoin": False,
            "displayname": "disable",
            "avatar_url": "disable",
            "ignore_initial_sync": True,
            "ignore_first_sync": True,
        },
        "server": {"hostname": "127.0.0.1", "port": 0, "base_path": "/", "public_url": account.url},
        "database": f"sqlite:{folder / 'maubot.db'}",
        "plugin_config": None,
        "logging": quiet,
    }
    file = folder / "maubot-config.yaml"
    file.write_text(json.dumps(config))  # JSON is YAML.
    return file


def _maubot_meta(folder: Path) -> str:
    meta = {
        "maubot": "0.6.0",
        "id": "org.zhibu.bench",
        "version": "1.0.0",
        "license": "Apache-2.0",
        "modules": ["maubot_echo"],
        "main_class": "Echo",
    }
    shutil.copytree(PEERS / "maubot_echo", folder / "maubot_echo", dirs_exist_ok=True)
    file = folder / "meta.yaml"
    file.write_text(json.dumps(meta))
    return str(file)


class Running:
    """A process of the bench; use it as a context manager, it ends with it."""

    def __init__(
        self, arguments: list[str], folder: Path, *, more: Mapping[str, str] | None = None, core: int | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "process.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                arguments,
                cwd=ROOT if arguments[0] == sys.executable else folder,
                env={**os.environ, **(more or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if core is not None:
            os.sched_setaffinity(self.process.pid, {core})

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End the process politely, by force where it does not listen."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def cpu(self) -> float:
        """Return the seconds of CPU that all its threads have used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """Return the megabytes that it holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    @property
    def said(self) -> str:
        """Return the end of its log, for whoever must find out why it does not work."""
        return self.log.read_text(errors="replace")[-2000:]


def settings(account: Account, folder: Path, *, sealed: bool = False) -> dict[str, str]:
    """Return what a peer reads from its environment."""
    return {
        "BENCH_URL": account.url,
        "BENCH_USER": account.user,
        "BENCH_DEVICE": account.device,
        "BENCH_TOKEN": account.token,
        "BENCH_FOLDER": str(folder),
        "BENCH_COMMANDS": json.dumps(COMMANDS),
        "BENCH_SEALED": "1" if sealed else "0",
        "NODE_PATH": str(NODE_MODULES),
    }
