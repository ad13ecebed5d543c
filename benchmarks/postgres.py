"""A temporary PostgreSQL server on the loopback interface, for tests and benchmarks."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD = "digits", "s3cret-Passw0rd"


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server in a temporary folder, give its URL with the password, and stop it.

    PostgreSQL refuses to run as root. Root starts it as the user `postgres`, which Debian's package
    creates.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(homes[-1]) if homes else shutil.which("initdb")
    if found is None:
        raise FileNotFoundError("PostgreSQL's initdb is not installed")
    programs = Path(found).parent
    folder = Path(tempfile.mkdtemp(prefix="tenfold-postgres-"))
    other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*other, str(programs / program), *arguments],
            check=True, capture_output=True, text=True, cwd="/",
        )  # fmt: skip

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        (folder / "password").write_text(PASSWORD)
        if other:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres")
        data = str(folder / "data")
        run("initdb", "-D", data, "-U", USER, "--auth=scram-sha-256", "-N",
            f"--pwfile={folder / 'password'}")  # fmt: skip
        settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        run("pg_ctl", "-D", data, "-w", "-o", settings, "-l", str(folder / "log"), "start")
        try:
            yield f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
