"""Which kind of file system holds a folder, as the kernel's own table of mounts says."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "glusterfs", "fuse.glusterfs", "fuse.sshfs"}
    | {"fuse.ceph", "fuse.s3fs", "fuse.rclone", "davfs", "fuse.davfs2", "9p", "virtiofs", "vboxsf", "prl_fs"}
)
"""On these a lock, shared memory or a flush may not mean what a database rests on."""

PASSING = frozenset({"overlay", "aufs"})
"""What is written here goes with the container."""

_ESCAPED = re.compile(r"\\([0-7]{3})")


def kind_of(folder: Path, mounts: Path = MOUNTS) -> str:
    """Return the kind of file system that a folder lies on, empty where the system does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place, best, kind = folder.resolve(), -1, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        if len(left.split()) < 5 or not right:
            continue
        mount = Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), left.split()[4]))
        # Of mounts on one another at the same place, the last is on top.
        if len(mount.parts) >= best and place.is_relative_to(mount):
            best, kind = len(mount.parts), right.split()[0]
    return kind
