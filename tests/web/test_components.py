"""Each component renders alone, without Flask, a request or a query, and its HTML is sound."""
# ruff: noqa: E501 - a specimen reads best on one line

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from wtforms import Form

from app.web import filters
from app.web.fields import SecretField, TextField
from app.web.styleguide import SpecimenForm
from tests.conftest import START, FakeClock
from tests.web.page_client import lint_fragment, lint_page

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = sorted(path.stem for path in (ROOT / "templates" / "components").glob("*.html"))


def bare_environment() -> Environment:
    env = Environment(loader=FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=StrictUndefined)
    filters.install(env, FakeClock())
    env.globals.update(static_url=lambda name: f"/static/{name}", csrf_token=lambda: "token")
    return env


ENV = bare_environment()


def draw(source: str, **context: object) -> BeautifulSoup:
    html = ENV.from_string(source).render(context)
    problems = lint_fragment(html)
    assert not problems, "\n".join([*problems, html])
    return BeautifulSoup(html, "html5lib")


SPECIMENS = {
    "alert": "{% from 'components/alert.html' import alert %}{{ alert('bad', 'Title', 'Text', alive=True) }}"
    "{% call alert('info') %}<p>More</p>{% endcall %}",
    "badge": "{% from 'components/badge.html' import state, channel, label %}{{ state('failed' | state_badge) }}"
    "{{ channel('sms') }}{{ label('Sandbox', 'amber', 'flask') }}",
    "balance": "{% from 'components/balance.html' import balance %}"
    "{{ balance([('Sent', 3, 'teal', '#'), ('Failed', 1, 'red'), ('Queued', 0, 'grey')], '3 sent') }}",
    "button": "{% from 'components/button.html' import button, link, post, danger, icon_button %}"
    "{{ button('Save', hx_get='/x') }}{{ link('Open', '/x') }}{{ post('Pause', '/x') }}"
    "{{ danger('Delete', '/x/delete', dialog='d') }}{{ icon_button('More', 'dots') }}",
    "chips": "{% from 'components/chips.html' import chips, chip, token %}{% call chips('Filters') %}"
    "{{ chip('Sent', '/x') }}{{ token('News', 'remove', 'topic:1', '12') }}{% endcall %}",
    "copy": "{% from 'components/copy.html' import copy, once %}{{ copy('a', 'Address', 'x', 'Note') }}{{ once('b', 'Key', 'y') }}",
    "dialog": "{% from 'components/dialog.html' import dialog, confirm, question %}{% call dialog('a', 'A') %}x{% endcall %}"
    "{% call confirm('b', 'Delete it', '/x', 'Delete 3 deliveries') %}<p>It goes.</p>{% endcall %}"
    "{% call question('/x', 'Delete', cancel_href='/y') %}<p>It goes.</p>{% endcall %}",
    "empty": "{% from 'components/empty.html' import empty %}{{ empty('nothing_yet', 'None yet', 'Text', 'Add', '/x') }}"
    "{{ empty('nothing_matches', 'None', 'Text') }}{{ empty('not_allowed', 'No', 'Text') }}",
    "error_summary": "{% from 'components/error_summary.html' import error_summary %}{{ error_summary(wrong) }}",
    "field": "{% from 'components/field.html' import field, hidden, group, folded, folded_line %}<form method='post' action='/x'>"
    "{{ hidden(form) }}{% call group('All') %}{% for f in form %}{{ field(f) }}{% endfor %}{% endcall %}"
    "{% call folded('More') %}{{ field(wrong.name, prefix='+', hx_get='/x') }}{% endcall %}</form>"
    "{% call folded_line('2 scopes') %}a, b{% endcall %}",
    "icon": "{% from 'components/icon.html' import icon, mark, drawing %}{{ icon('mail') }}{{ icon('mail', 'Email') }}"
    "{{ mark() }}{{ drawing('nothing_yet') }}",
    "metric": "{% from 'components/metric.html' import metrics, metric %}{% call metrics() %}"
    "{{ metric('Failed', 1204, '/x', 'red', True, 'note') }}{{ metric('Rate', '8 a second') }}{% endcall %}",
    "number": "{% from 'components/number.html' import number, pair %}{{ number(1204) }}{{ pair(1, 2) }}",
    "page_header": "{% from 'components/page_header.html' import page_header %}"
    "{% call page_header('News', [('Messages', '/x')], 'Context', 'B') %}<a href='/new'>New</a>{% endcall %}",
    "pagination": "{% from 'components/pagination.html' import pagination %}{{ pagination('/a', '/b', '50 of 90', '#rows') }}",
    "poll": "{% from 'components/poll.html' import poll %}{% call poll('p', '/x', page='/y') %}x{% endcall %}"
    "{% call poll('q', '/x', finished=True) %}x{% endcall %}",
    "progress": "{% from 'components/progress.html' import progress %}{{ progress(3, 9, 'Done') }}{{ progress(0, 0, 'Done') }}",
    "steps": "{% from 'components/steps.html' import steps, step, check %}{% call steps('First') %}"
    "{{ step('One', done=True) }}{{ step('Two', 'Text', action='Go', href='/x') }}{% endcall %}"
    "<ul>{{ check('bad', 'Empty', '#subject') }}{{ check('good', 'Fine') }}</ul>",
    "table": "{% from 'components/table.html' import table, th, td, select, bulk %}<form method='post' action='/x'>"
    "<input type='hidden' name='csrf_token' value='t'>{% call bulk() %}<button>Go</button>{% endcall %}{% call table('Rows') %}"
    "<thead><tr>{{ th('Select', hidden=True) }}{{ th('Name', '/x', 'ascending', target='#r') }}{{ th('N', numeric=True) }}</tr></thead>"
    "<tbody><tr>{{ select('row', 1, 'Select Ann') }}{% call td('Name', first=True) %}Ann{% endcall %}{{ td('N', 3, numeric=True) }}{{ td('Why', 'No.', wide=True) }}</tr></tbody>"
    "{% endcall %}</form>",
    "tabs": "{% from 'components/tabs.html' import tabs, tab %}{% call tabs('Views') %}{{ tab('A', '/a', True, 0) }}{{ tab('B', '/b') }}{% endcall %}",
    "time": "{% from 'components/time.html' import when, stamp %}{{ when(at) }}{{ stamp(at) }}{{ when(none) }}",
    "timeline": "{% from 'components/timeline.html' import timeline, event %}{% call timeline() %}{{ event(at, 'Sent', 'send', 'blue', 'Note') }}{% endcall %}",
    "toolbar": "{% from 'components/toolbar.html' import toolbar, filter, count %}"
    "{% call toolbar('/x', 'ann', 'Search contacts', '#rows') %}{{ filter('State', 'state', [('', 'Any'), ('a', 'A')], 'a') }}{% endcall %}{{ count('3') }}",
}  # fmt: skip


def context() -> dict[str, object]:
    wrong = SpecimenForm(prefix="wrong-", data={"name": "<b>"})
    wrong.name.errors = ["Name needs at most 128 characters."]
    wrong.encryption.errors = ["Choose one."]
    wrong.form_errors = ["Nobody would get this."]
    return {"form": SpecimenForm(), "wrong": wrong, "at": START - timedelta(minutes=5)}


def test_every_component_has_a_specimen() -> None:
    assert sorted(SPECIMENS) == COMPONENTS


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_renders_alone_and_sound(name: str) -> None:
    assert draw(SPECIMENS[name], **context()).get_text(strip=True) or name == "icon"


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_says_its_signature_first_and_stays_small(name: str) -> None:
    source = (ROOT / "templates" / "components" / f"{name}.html").read_text()
    assert source.startswith("{#")
    assert source.count("\n") <= 80
    assert not re.search(r"url_for|current_user|request\.|get_flashed", source)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_stands_on_the_style_guide(name: str) -> None:
    pages = [ROOT / "templates" / "styleguide.html", *(ROOT / "templates" / "styleguide").glob("*.html")]
    drawn = "".join(page.read_text() for page in [*pages, ROOT / "templates" / "app.html"])
    assert f"components/{name}.html" in drawn


def test_a_secret_is_never_drawn() -> None:
    class KeyForm(Form):
        key = SecretField("API key", set_note="set on 3 Nov, ends in …4f2a")

    soup = draw(
        "{% from 'components/field.html' import field %}{{ field(form.key) }}", form=KeyForm(data={"key": "hush-hush"})
    )
    assert "hush-hush" not in str(soup)
    assert "set on 3 Nov, ends in …4f2a" in soup.get_text()
    assert soup.select("details:not([open]) input[type='password']")


def test_an_error_stands_under_its_field_the_hint_above_and_both_are_tied_to_it() -> None:
    class NameForm(Form):
        name = TextField("Name", description="Hint")

    form = NameForm()
    form.name.errors = ["Name needs a word."]
    soup = draw("{% from 'components/field.html' import field %}{{ field(form.name) }}", form=form)
    control = soup.select_one("input")
    assert control["aria-invalid"] == "true"
    assert control["aria-describedby"] == "name-hint name-error"
    assert "Name needs a word." in soup.select_one("#name-error").get_text()
    assert [part.get("id") or part["for"] for part in soup.select(".field > *")] == [
        "name", "name-hint", "name", "name-error",
    ]  # fmt: skip


def test_the_summary_links_each_problem_to_its_field_and_is_silent_without_one() -> None:
    source = "{% from 'components/error_summary.html' import error_summary %}{{ error_summary(form) }}"
    soup = draw(source, form=context()["wrong"])
    assert [link["href"] for link in soup.select("a")] == ["#wrong-name", "#wrong-encryption"]
    assert "Nobody would get this." in soup.get_text()
    assert draw(source, form=SpecimenForm()).get_text(strip=True) == ""


def test_a_list_that_has_one_page_says_nothing_of_pages() -> None:
    source = "{% from 'components/pagination.html' import pagination %}{{ pagination('', next, '3 on this page') }}"
    assert draw(source, next="").get_text(strip=True) == ""
    assert "3 on this page" in draw(source, next="/b").get_text()


def test_a_poll_that_is_finished_comes_without_its_trigger() -> None:
    soup = draw(SPECIMENS["poll"])
    assert soup.select_one("#p")["hx-trigger"] == "every 2s"
    assert not soup.select_one("#q").has_attr("hx-trigger")
    assert soup.select_one("#p noscript")


def test_what_people_typed_is_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script>'
    source = (
        "{% from 'components/page_header.html' import page_header %}{% from 'components/button.html' import link %}"
        "{% from 'components/chips.html' import chips, chip %}{% from 'components/metric.html' import metrics, metric %}"
        "{{ page_header(evil, [(evil, evil)], evil, evil) }}{{ link(evil, evil, title=evil) }}"
        "{% call chips(evil) %}{{ chip(evil, evil) }}{% endcall %}{% call metrics(evil) %}{{ metric(evil, evil) }}{% endcall %}"
    )
    assert not draw(source, evil=evil).select("script")


def test_a_relative_time_carries_the_exact_one_for_people_and_machines() -> None:
    moment = datetime(2026, 11, 21, 8, 55, tzinfo=UTC)
    soup = draw("{% from 'components/time.html' import when %}{{ when(at) }}", at=moment)
    assert soup.time["datetime"] == "2026-11-21T08:55:00Z"
    assert soup.time["title"] == "Sat 21 Nov 2026, 08:55 UTC"
    assert soup.time.get_text(" ", strip=True) == "5 minutes ago Sat 21 Nov 2026, 08:55 UTC"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("<input name='a'>", "has no label"),
        ("<p id='a'></p><p id='a'></p>", "is used 2 times"),
        ("<p style='color:red'>x</p>", "inline style"),
        ("<button onclick='x()'>x</button>", "inline script"),
        ("<form method='post' action='/x'></form>", "no csrf token"),
        ("<form method='post'></form>", "no action"),
        ("<a>x</a>", "leads nowhere"),
        ("<button></button>", "has no words"),
        ("<img src='/x'>", "has no alt"),
        ("<script>x</script>", "inline script"),
        ("<p><div>x</div></p>", "does not parse"),
        ("<div hx-trigger='every 2s [x]'></div>", "needs eval"),
        ("<a href='javascript:x'>x</a>", "javascript: address"),
        ("<iframe src='/x' title='x'></iframe>", "no sandbox"),
    ],
)
def test_the_lint_sees_what_is_wrong(wrong: str, complaint: str) -> None:
    assert any(complaint in problem for problem in lint_fragment(wrong))


def test_the_lint_of_a_page_wants_one_heading_a_title_and_a_language() -> None:
    problems = "\n".join(lint_page("<!doctype html><title>x</title><body><p>x</p>"))
    assert "no lang" in problems
    assert "0 h1" in problems
    assert "does not end with" in problems
    assert "one <main>" in problems
