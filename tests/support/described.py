"""Requests that schemathesis makes of a host's OpenAPI description, and checks of the answers."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, ClassVar, Final, TypeAlias

import httpx
import pytest
import requests
import schemathesis
from hypothesis import settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection

from reftrail.edge.api_keys import ApiKeys
from reftrail.edge.authorization import KEY_PARAMETER, Authorization
from reftrail.hosting.openapi import document
from reftrail.hosting.rate_limits import Rate
from reftrail.hosting.routes import Endpoint
from support.authorizing import stored
from support.profiles import EXPLORE

URL: Final = "http://host"
EVERYTHING: Final = "sk_everything"
KEYS: Final = (EVERYTHING, "sk_nothing", "pk_page", None)
"""A secret key with all scopes, one with a scope that few routes need, a publishable one, none."""
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
MadeRequest: TypeAlias = Case[Operation]
Known: TypeAlias = Mapping[str, Sequence[Any]]
"""Values that a host knows, by the names of the fields and parameters that may have them."""


def authorization_of_all_kinds() -> Authorization:
    """Knows KEYS, however many wrong ones are tried."""
    unlimited = Rate.of(1e9, 1)
    authorization = Authorization(ApiKeys.of(secret=[EVERYTHING]), wrong=unlimited)
    authorization.keys.take(stored("nothing", "sk_nothing", scopes=["adjustments:write"]))
    authorization.keys.take(stored("page", "pk_page", "publishable"))
    return authorization


def operations(title: str, endpoints: Sequence[Endpoint]) -> dict[str, Operation]:
    """The operations of a table of routes by their labels, such as `GET /v1/codes`."""
    generation = GenerationConfig(with_security_parameters=False)
    config = SchemathesisConfig(
        projects=ProjectsConfig(default=ProjectConfig(generation=generation))
    )
    schema = schemathesis.openapi.from_dict(document(title, endpoints), config=config)
    found: dict[str, Operation] = {}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        found[result.ok().label] = result.ok()
    return found


def examples(count: int) -> int:
    """How many requests of each operation are tried: count in the suite, more by `make explore`."""
    return count * 5 if settings.get_current_profile_name() == EXPLORE else count


def cases(operation: Operation, known: Known) -> st.SearchStrategy[MadeRequest]:
    """Requests as described, and some that are not; in half of the fields what the host knows."""
    made = st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode])
    return st.builds(
        lambda case, random: _with_known(case, known, random),
        made,
        st.randoms(use_true_random=False),
    )


def _with_known(case: MadeRequest, known: Known, random: Random) -> MadeRequest:
    for container in (case.path_parameters, case.query, case.body):
        _replace(container, known, random)
    return case


def _replace(value: Any, known: Known, random: Random) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in known and random.random() < 0.5:
                value[name] = random.choice(known[name])
            else:
                _replace(inner, known, random)
    elif isinstance(value, list):
        for inner in value:
            _replace(inner, known, random)


class NotedQuery(QueryParams):
    """A request's query, which notes the names of the parameters that a handler looks for."""

    noted: ClassVar[set[str]] = set()

    def get(self, key: Any, default: Any = None) -> Any:
        self.noted.add(key)
        return super().get(key, default)

    def __getitem__(self, key: Any) -> str:
        self.noted.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: Any) -> bool:
        self.noted.add(key)
        return super().__contains__(key)


class Host:
    """An ASGI application on a loop of its own."""

    def __init__(self, app: Any) -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url=URL)

    def answer(self, case: MadeRequest, key: str | None) -> httpx.Response:
        """The answer to a request under a key, as it is described. Raises `FailureGroup`.

        A handler may look for no parameter of the query that isn't described.
        """
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        given = case.as_transport_kwargs(base_url=URL, headers=headers)
        prepared = requests.Request(**given).prepare()
        body: Any = prepared.body
        request = self._client.build_request(
            prepared.method or case.method,
            prepared.url or URL,
            headers={name: str(value) for name, value in prepared.headers.items()},
            content=body,
        )
        NotedQuery.noted.clear()
        answer = self._runner.run(self._client.send(request))
        self._client.cookies.clear()
        case.validate_response(answer, checks=CHECKS, headers=headers)
        described = {parameter.name for parameter in case.operation.query}
        hidden = NotedQuery.noted - described - {KEY_PARAMETER}
        assert not hidden, f"the handler looks for {hidden} in the query, which isn't described"
        return answer

    def post(self, path: str, body: object) -> httpx.Response:
        """The answer to a request with a JSON body under EVERYTHING."""
        headers = {"authorization": f"Bearer {EVERYTHING}"}
        return self._runner.run(self._client.post(path, json=body, headers=headers))

    def close(self) -> None:
        """End the loop."""
        self._runner.run(self._client.aclose())
        self._runner.close()


@contextmanager
def hosted(app: Any) -> Iterator[Host]:
    """An application that answers in this process."""
    host = Host(app)
    with pytest.MonkeyPatch.context() as patched:
        query = property(lambda request: NotedQuery(request.scope["query_string"]))
        patched.setattr(HTTPConnection, "query_params", query)
        try:
            yield host
        finally:
            host.close()
