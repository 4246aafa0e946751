"""Disposable e-mail domains, by the community's list of them."""

from functools import lru_cache

from disposable_email_domains import blocklist

from reftrail.edge.mailboxes import LONGEST_DOMAIN, without_comments


def is_disposable(email: str) -> bool:
    """Whether an address is of such a domain, or of one below it."""
    return _is_listed(without_comments(email).strip().rpartition("@")[2].rstrip(".").lower())


@lru_cache(maxsize=16_384)
def _is_listed(domain: str) -> bool:
    labels = _ascii(domain).split(".")
    return any(".".join(labels[place:]) in blocklist for place in range(len(labels) - 1))


def _ascii(domain: str) -> str:
    """As the list has it: a name with other letters in Punycode."""
    if len(domain) > LONGEST_DOMAIN:
        return domain
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
