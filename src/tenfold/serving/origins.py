"""Headers that keep other web sites' pages away: checks of Host and Origin, and those sent.

A page of another site can send requests to a server on the visitor's machine. Its requests name
its own site as Origin. If its host name resolves to the visitor's machine (DNS rebinding), they
name its own site as Host.
"""

import ipaddress
import socket
from collections.abc import Iterable

from tenfold.serving.http_errors import HttpError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANY_ADDRESS = ("0.0.0.0", "::")

NO_SNIFFING = (b"x-content-type-options", b"nosniff")

SECURITY_HEADERS: list[tuple[bytes, bytes]] = [
    NO_SNIFFING,
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
        b" media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none';"
        b" form-action 'none'; frame-ancestors 'none'",
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), geolocation=(), microphone=()"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
"""Headers of all responses except those to `infer`. The page may only run its own scripts."""


class OriginCheck:
    """The hosts and origins whose requests are answered.

    Args:
        hosts: Names and addresses that clients may use for the server; loopback names are always
            among them. If the server listens on 0.0.0.0 or ::, all addresses and the machine's
            host name are, too: only names can be used for DNS rebinding. `*` accepts any host.
        cors: Origins of other sites whose pages may use the server; `*` accepts any origin.
    """

    def __init__(self, hosts: Iterable[str], cors: Iterable[str]) -> None:
        self._hosts = {*LOOPBACK, *(host.lower().strip("[]").rstrip(".") for host in hosts)}
        self._any_address = not self._hosts.isdisjoint(ANY_ADDRESS)
        if self._any_address:
            self._hosts.add(socket.gethostname().lower())
        self._origins = frozenset(cors)

    def check(self, method: str, http_version: str, headers: list[tuple[bytes, bytes]]) -> None:
        """Refuse a request for another host, or one that a page of another origin sends.

        GET and HEAD change nothing, and browsers keep the response from pages of other origins.

        Args:
            method: The request's method.
            http_version: For example "1.1".
            headers: The request's headers, with names in lower case.

        Raises:
            HttpError: 400 for another host or none, 403 for another origin.
        """
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and http_version != "1.0"):
            raise HttpError(400, "the request must have one Host header")
        host = hosts[0].decode("latin-1").lower() if hosts else ""
        if hosts and not self._is_served(host):
            raise HttpError(
                400,
                "the Host header names a host that is not served: use the address that tenfold"
                " serve prints, or start the server with --allowed-hosts",
            )
        if method in ("GET", "HEAD"):
            return
        for name, value in headers:
            if name == b"origin" and not self._is_allowed(value.decode("latin-1"), host):
                raise HttpError(
                    403, "pages of another origin may not send requests: see the option --cors"
                )

    def _is_served(self, host: str) -> bool:
        name = host
        if host.startswith("["):
            name = host[1:].partition("]")[0]
        elif host.count(":") == 1:
            name = host.partition(":")[0]
        name = name.rstrip(".")
        if name in self._hosts or "*" in self._hosts:
            return True
        return self._any_address and _is_address(name)

    def _is_allowed(self, origin: str, host: str) -> bool:
        if "*" in self._origins or origin in self._origins:
            return True
        return bool(host) and origin.lower() in (f"http://{host}", f"https://{host}")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
