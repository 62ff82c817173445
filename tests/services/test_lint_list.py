"""Who a finding is about, and whose copies are worth a look."""

import pytest

from app.domain.errors import Invalid
from app.domain.lint_findings import Finding, Findings, Verdict
from app.domain.permissions import Actor
from app.services.previews import lint_list, lint_picks, samples
from app.services.work import Workshop
from tests.services.linted import CITY, draft, look, person


@pytest.mark.parametrize(("first", "step"), [(100, 1000), (4, 3), (1, 1)])
def test_the_people_of_a_finding_come_in_pages(
    any_workshop: Workshop, composer: Actor, monkeypatch: pytest.MonkeyPatch, first: int, step: int
) -> None:
    monkeypatch.setattr(lint_list, "PAGE_SIZE", 2)
    monkeypatch.setattr(lint_list, "FIRST_STEP", first)
    monkeypatch.setattr(lint_list, "PAGE", step)
    ids = [
        person(any_workshop, f"p{place}@example.org", **({} if place % 2 else {"city": "Bern"})) for place in range(10)
    ]
    message = draft(any_workshop, composer, CITY, targets=ids)
    look(any_workshop, composer, message)
    people, after, pages = [], "", 0
    while after is not None:
        with any_workshop.read(composer) as work:
            listed = lint_list.people_of(work, message.id, "missing:city", after)
        people += [each.target_id for each in listed.page.items]
        after, pages = listed.page.older, pages + 1
    assert people == ids[1::2]
    assert pages == 3
    assert listed.finding == Finding("missing", "city", 5, tuple(ids[1::2]))


def test_a_page_of_people_looks_at_no_more_than_so_many(
    workshop: Workshop, composer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lint_list, "LOOKED_AT", 0)
    message = draft(workshop, composer, CITY, targets=[person(workshop, "p@example.org")])
    with workshop.read(composer) as work:
        page = lint_list.people_of(work, message.id, "missing:city").page
    assert (page.items, page.older) == ([], "0")


@pytest.mark.parametrize("key", ["", "nothing", "else:city", ":"])
def test_a_finding_that_does_not_exist_is_refused(workshop: Workshop, composer: Actor, key: str) -> None:
    message = draft(workshop, composer, CITY, targets=[person(workshop, "p@example.org")])
    with pytest.raises(Invalid), workshop.read(composer) as work:
        lint_list.people_of(work, message.id, key)


def test_the_worst_copies_are_picked_with_why(any_workshop: Workshop, composer: Actor) -> None:
    ids = [
        person(any_workshop, f"p{place}@example.org", name=f"P{place}", **({"city": "x" * place} if place else {}))
        for place in range(12)
    ]
    message = draft(any_workshop, composer, CITY, targets=ids)
    with any_workshop.read(composer) as work:
        few = samples.first_samples(work, "email", message.audience)
        early = lint_picks.picks(work, message, few)
    assert [pick.sample.id for pick in early] == [ids[7], ids[0]], "of the first few, until everybody was looked at"
    look(any_workshop, composer, message)
    with any_workshop.read(composer) as work:
        late = lint_picks.picks(work, message, few)
    assert [pick.sample.id for pick in late] == [ids[11], ids[0]]
    longest = len("News from " + "x" * 11) + len("Hello P11, it rains in " + "x" * 11 + ".\n")
    assert [pick.why for pick in late] == [f"the longest: {longest} characters", "the emptiest: 1 without a value"]


def test_findings_survive_json_and_name_a_handful_only() -> None:
    findings = Findings()
    for place in range(300):
        findings.add(
            f"t{place}", Verdict([("missing", f"v{place % 150}")], place, place % 3, 1 + place % 2), "DE", None
        )
    again = Findings(findings.to_json())
    assert again.to_json() == findings.to_json()
    assert list(again) == list(findings)
    assert len(list(again)) == 100
    assert max(len(finding.people) for finding in again) <= 5
    assert again.segments == {"DE": {1: 150, 2: 150}}
