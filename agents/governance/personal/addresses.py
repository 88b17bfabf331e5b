"""E-mail and IP addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address

from agents.governance.personal.finding import Finding, stands_alone
from schemas.screening import PersonalDataType

MAX_LOCAL_CHARS = 64
"""RFC 5321, 4.5.3.1.1."""
FILE_ENDINGS = frozenset(
    ["css", "gif", "html", "ico", "jpeg", "jpg", "js", "json", "mjs", "png", "py", "svg", "ts", "webp"]
)
"""`logo@2x.png` is a file, not an address."""
VERSION_CUES = ("version", "release", "chapter", "section", "kapitel", "chapitre")
CUE_CHARS = 12
IPV6_CHARS = 45

_DOMAIN = re.compile(r"@((?:[^\W_](?:[^\W_]|-){0,62}\.){1,8})([^\W\d_]{2,24})(?![^\W_])")
_LOCAL_REVERSED = re.compile(rf"[\w.!#$%&*+=?^{{|}}~'-]{{1,{MAX_LOCAL_CHARS}}}")
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_IPV6 = re.compile(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}")


def emails(text: str) -> Iterator[Finding]:
    """Find e-mail addresses: from each domain behind an @ back to the beginning of its local part."""
    for domain in _DOMAIN.finditer(text):
        at = domain.start()
        local = _LOCAL_REVERSED.match(text[max(0, at - MAX_LOCAL_CHARS) : at][::-1])
        if local is None or domain[2].lower() in FILE_ENDINGS:
            continue
        name = local[0][::-1].lstrip(".'&=?!*{|}")
        if not name or (name == "git" and text[domain.end() : domain.end() + 1] in (":", "/")):
            continue
        yield Finding(PersonalDataType.EMAIL, at - len(name), domain.end())


def ipv4(text: str) -> Iterator[Finding]:
    """Find IPv4 addresses of hosts."""
    for found in _IPV4.finditer(text):
        start, end = found.span()
        if not stands_alone(text, start, end) or _is_host(found[0]) is None:
            continue
        before = text[max(0, start - CUE_CHARS) : start].lower()
        if not any(cue in before for cue in VERSION_CUES):
            yield Finding(PersonalDataType.IP, start, end)


def ipv6(text: str) -> Iterator[Finding]:
    """Find IPv6 addresses of hosts."""
    for found in _IPV6.finditer(text):
        start, end = found.span()
        if end - start > IPV6_CHARS or not stands_alone(text, start, end):
            continue
        address = _is_host(found[0])
        # `a::b` is code in several languages
        if isinstance(address, IPv6Address) and any(sign.isdigit() for sign in found[0]):
            yield Finding(PersonalDataType.IP, start, end)


def _is_host(text: str) -> object | None:
    """Return the address, or None when this is none, or none of one host."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified or address.is_multicast or text.startswith(("255.", "0.")):
        return None
    return address
