"""API keys that a host knows: those of its environment, and those that the topic `api-keys` has."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from reftrail.contracts.api_keys import ApiKeyChanged, Scope, hash_of, id_of
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.events import KeyKind
from reftrail.contracts.record import Millis
from reftrail.contracts.times import now

PUBLISHABLE_TYPES: Final = frozenset({"view", "click", "form_started", "identified"})
"""The events that a publishable key may send: none of them makes money by itself. What an
identification under it is worth, attribution says (`rules/attribution/other_devices.py`)."""


_LONGEST_ORIGIN: Final = 300


@dataclass(frozen=True, slots=True)
class Caller:
    """Holder of a key, as far as the key tells: see `ApiKeyChanged`.

    name is the key's; that of a key from the environment is its key_id. key_id names one of the two
    texts that are good during a rotation.
    """

    name: str
    kind: KeyKind
    key_id: str
    scopes: frozenset[str] = frozenset()
    origins: tuple[str, ...] = ()
    app_ids: tuple[str, ...] = ()
    campaigns: frozenset[str] = frozenset()

    @property
    def is_secret(self) -> bool:
        """Whether the key is a server's."""
        return self.kind is KeyKind.SECRET

    def allows_origin(self, origin: str) -> bool:
        """Whether pages of an origin, as a browser sends it, may use the key."""
        return not _forms(origin).isdisjoint(self.origins)


_hash_of: Final = lru_cache(maxsize=1024)(hash_of)


class ApiKeys:
    """The keys by the hashes of their texts: the time of a lookup says nothing about a key.

    Keys of the environment are good for ever and for everything of their kind. is_complete: those
    of the topic have been read. clock gives the time.
    """

    def __init__(self, fixed: dict[str, Caller], clock: Callable[[], Millis] = now) -> None:
        self._fixed = fixed
        self._clock = clock
        self._stored: dict[str, ApiKeyChanged] = {}
        self._callers: dict[str, tuple[Caller, ApiKeyChanged]] = {}
        self._origins: dict[str, set[str]] = {}
        self._uses: dict[str, tuple[Caller, Millis]] = {}
        self.is_complete = True

    @classmethod
    def of(cls, *, secret: Iterable[str], publishable: Iterable[str] = ()) -> Self:
        """The table of keys of the environment."""
        return cls(
            {hash_of(key): _fixed(key, KeyKind.PUBLISHABLE) for key in publishable}
            | {hash_of(key): _fixed(key, KeyKind.SECRET) for key in secret}
        )

    def take(self, changed: ApiKeyChanged) -> None:
        """Take in a revision of a key, unless a later one is here already."""
        before = self._stored.get(changed.name)
        if before is not None and before.revision > changed.revision:
            return
        self.drop(changed.name)
        self._stored[changed.name] = changed
        for origin in changed.origins:
            self._origins.setdefault(origin, set()).add(changed.name)
        for key_hash in (changed.hash, changed.previous_hash):
            if key_hash is not None:
                self._callers[key_hash] = (_caller(changed, key_hash), changed)

    def drop(self, name: str) -> None:
        """A key was taken out of the topic."""
        before = self._stored.pop(name, None)
        if before is not None:
            for key_hash in (before.hash, before.previous_hash):
                self._callers.pop(key_hash or "", None)
            for origin in before.origins:
                self._origins[origin].discard(name)
                if not self._origins[origin]:
                    del self._origins[origin]

    def find(self, text: str) -> Caller | None:
        """The holder of a key that is good now; its use is noted."""
        key_hash, at = _hash_of(text), self._clock()
        caller = self._fixed.get(key_hash)
        if caller is None:
            caller, changed = self._callers.get(key_hash, (None, None))
            if caller is None or changed is None or key_hash not in changed.hashes_at(at):
                return None
        self._uses[key_hash] = (caller, at)
        return caller

    def is_good(self, name: str, key_id: str, scope: Scope) -> bool:
        """Whether a text of a key is good now, and the key has a scope; no use is noted."""
        changed = self._stored.get(name)
        if changed is None:
            fixed = self._fixed.values()
            return any(
                (caller.name, caller.key_id) == (name, key_id) and scope in caller.scopes
                for caller in fixed
            )
        good = {id_of(key_hash) for key_hash in changed.hashes_at(self._clock())}
        return key_id in good and scope in changed.scopes

    def allows_origin(self, origin: str) -> bool:
        """Whether some publishable key that is good now is for pages of an origin."""
        at = self._clock()
        names = {name for form in _forms(origin) for name in self._origins.get(form, ())}
        return any(self._stored[name].hashes_at(at) for name in names)

    def take_uses(self) -> dict[Caller, Millis]:
        """The last use of each key that was used since the last call."""
        uses, self._uses = self._uses, {}
        return dict(uses.values())


def keys(secret: Iterable[str], publishable: Iterable[str]) -> ApiKeys:
    """The table of keys of the environment. Raises `ExpectedError` if one is of both kinds."""
    secret, publishable = set(secret), set(publishable)
    if secret & publishable:
        raise ExpectedError(
            "a key is in both REFTRAIL_SECRET_KEYS and REFTRAIL_PUBLISHABLE_KEYS; "
            "what is published can't be secret"
        )
    return ApiKeys.of(secret=secret, publishable=publishable)


def _fixed(text: str, kind: KeyKind) -> Caller:
    key_id = id_of(hash_of(text))
    return Caller(key_id, kind, key_id, frozenset(Scope) if kind is KeyKind.SECRET else frozenset())


def _caller(changed: ApiKeyChanged, key_hash: str) -> Caller:
    return Caller(
        changed.name,
        KeyKind(changed.kind),
        id_of(key_hash),
        frozenset(changed.scopes),
        tuple(changed.origins),
        tuple(changed.app_ids),
        frozenset(changed.campaigns),
    )


def _forms(origin: str) -> frozenset[str]:
    """An origin as a key may name it: itself, or all hosts below one that it is below."""
    if len(origin) > _LONGEST_ORIGIN:
        return frozenset()
    scheme, _, host = origin.partition("://")
    labels = host.split(".")
    if "" in labels:
        return frozenset()
    above = (".".join(labels[nth:]) for nth in range(1, len(labels)))
    return frozenset({origin, *(f"{scheme}://*.{parent}" for parent in above)})
