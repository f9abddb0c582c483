"""A PostgreSQL of our own for the tests: a fresh cluster in a temporary folder, on a socket, ended with the session."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

START_TIMEOUT_S = 60
#: How long a database that was given back is waited for: who still has it open keeps it.
LOCK_TIMEOUT_MS = 2_000
#: Written by migrations: a database that says which release it is of is not given to a test that begins anew.
MARKED = "alembic_version"


def programs() -> Path:
    """Where initdb and pg_ctl lie (Debian keeps them out of the path)."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    assert folders, "PostgreSQL is not installed: apt install postgresql"
    return folders[0]


@contextmanager
def cluster() -> Iterator[str]:
    """The connection prefix of a running server: append a database's name."""
    folder = Path(tempfile.mkdtemp(prefix="verbund-pg-"))
    as_owner = _owner(folder)
    data, binaries = folder / "data", programs()
    try:
        _run([*as_owner, str(binaries / "initdb"), "-D", str(data), "-U", "verbund", "-A", "trust", "-E", "UTF8", "-N"])
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=on -c max_connections=60"
        _run([*as_owner, str(binaries / "pg_ctl"), "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"),
              "start"])  # fmt: skip
        yield f"postgresql+psycopg://verbund@/{{}}?host={folder}"
    finally:
        subprocess.run(
            [*as_owner, str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"],
            check=False, capture_output=True, timeout=START_TIMEOUT_S,
        )  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)


def create_database(prefix: str, name: str, collation: str = "") -> str:
    """A new, empty database; its SQLAlchemy URL."""
    how = f" TEMPLATE template0 LC_COLLATE '{collation}' LC_CTYPE '{collation}'" if collation else ""
    with psycopg.connect(prefix.format("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{how}')
    return prefix.format(name)


class Pool:
    """Databases for one test after the other: the tables stay (making them is what takes long), the rows go."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._free: list[str] = []
        self._numbers = itertools.count(1)

    @contextmanager
    def lending(self) -> Iterator[Callable[[str], str]]:
        """name → URL of a database without rows; all come back at the end."""
        lent: list[str] = []

        def lend(name: str) -> str:
            made = self._free.pop() if self._free else self._make(name)
            lent.append(made)
            return self._prefix.format(made)

        yield lend
        self._free += [one for one in lent if _empty(self._prefix.format(one))]

    def _make(self, name: str) -> str:
        made = f"{name}-{next(self._numbers)}"
        create_database(self._prefix, made)
        return made


def _empty(url: str) -> bool:
    """Take all rows out, and count from one again; whether the next test may have it."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        names = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        if MARKED in names:
            return False
        try:
            connection.execute(f"SET session_replication_role = replica; SET lock_timeout = {LOCK_TIMEOUT_MS}")
            connection.execute(";".join(f'DELETE FROM "{name}"' for name in names))
        except psycopg.errors.LockNotAvailable:
            return False
        connection.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences"
        )
    return True


def _owner(folder: Path) -> list[str]:
    """PostgreSQL does not run as root: then its own user runs it."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["runuser", "-u", "postgres", "--"]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=START_TIMEOUT_S, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
