"""The socket that a server listens on, and its address for a browser."""

import errno
import socket

from tenfold.errors import TenfoldError, UsageError


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Args:
        host: A name or address of this machine.
        port: 0 to 65535; 0 selects any free port.

    Raises:
        UsageError: The port is out of range.
        TenfoldError: The port is in use, or the address does not belong to this machine.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"port is {port}: it must be between 0 and 65535")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(where)
            listening.listen()
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        taken = getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES)
        advice = "; choose another port with --port" if taken else ""
        raise TenfoldError(f"cannot listen on {host}:{port}: {reason.lower()}{advice}") from error
    return listening


def address(listening: socket.socket) -> str:
    """Return the server's address for a browser on this machine."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
