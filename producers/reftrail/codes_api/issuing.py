"""Issuing by the fields of a request's body, which say how codes are made."""

from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final, TypeAlias

from reftrail.codes.model import By, Code
from reftrail.codes.service import CodeService
from reftrail.codes_api.models import IssueDerived, IssueEach, IssueOne, TakeOver
from reftrail.codes_api.request_parsing import parsed
from reftrail.edge.pseudonyms import Pseudonyms
from reftrail.edge.requests import read_json

AnyIssue: TypeAlias = IssueOne | IssueEach | IssueDerived | TakeOver

BODIES: Final = (IssueOne, IssueEach, IssueDerived, TakeOver)


def issue_body(body: bytes) -> AnyIssue:
    """The body of a request to issue codes. Raises `RequestRefused`."""
    fields = _fields(body)
    if "codes" in fields:
        return parsed(IssueEach, body)
    if "existing" in fields:
        return parsed(TakeOver, body)
    if "format" in fields and "campaign_id" not in fields:
        return parsed(IssueDerived, body)
    return parsed(IssueOne, body)


def issue(
    service: CodeService,
    asked: IssueOne | IssueEach | TakeOver,
    by: By,
    hashes: Pseudonyms,
) -> list[Code]:
    """Issue codes that are registered; in the order of the request."""
    match asked:
        case TakeOver():
            service.register([code.given(hashes) for code in asked.existing], by)
            found = [service.find(existing.code) for existing in asked.existing]
            return [code for code in found if code is not None]
        case IssueEach():
            terms = [code.terms(hashes) for code in asked.codes]
            lists = service.issue_each(terms, by, format_name=asked.format, **asked.segments)
            return list(chain.from_iterable(lists))
        case IssueOne(code=str(chosen)):
            return [service.issue_chosen(chosen, asked.terms(hashes), by)]
        case IssueOne():
            alike = repeat(asked.terms(hashes), asked.count)
            lists = service.issue_each(alike, by, format_name=asked.format, **asked.segments)
            return list(chain.from_iterable(lists))


@dataclass(frozen=True, slots=True)
class Derived:
    """A derived code that was issued, and its number in the campaign."""

    code: str
    campaign_id: str
    sequence: int


def issue_derived(service: CodeService, asked: IssueDerived, by: By) -> list[Derived]:
    """Issue derived codes, and compute them."""
    made = service.issue_derived(asked.format, asked.count, by)
    batches = service.derived_codes(made.format).batches(made.first, made.last)
    codes = enumerate(chain.from_iterable(batches), made.first)
    return [Derived(code, made.campaign_id, number) for number, code in codes]


def _fields(body: bytes) -> frozenset[str]:
    found = read_json(body or b"{}")
    return frozenset(found if isinstance(found, dict) else ())  # pydantic says what is wrong
