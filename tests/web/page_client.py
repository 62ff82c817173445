"""A test client that lints every page it fetches: one h1, title, labels, unique ids, no inline script, safe forms."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import html5lib
from bs4 import BeautifulSoup, Tag
from bs4.builder._html5lib import HTML5TreeBuilder
from flask import Flask
from werkzeug.test import TestResponse

CONTROLS = ("input", "select", "textarea")
UNLABELLED = {"hidden", "submit", "button", "reset", "image"}
MAIN_FORM = "main form[method='post']"
NAMED_BY = ("aria-label", "aria-labelledby", "title")
_SCRIPTS = ("on", "hx-on")  # how attributes begin that hold a script
_ADDRESSES = frozenset({"href", "action", "src", "srcset", "hx-get", "hx-post"})


class _Builder(HTML5TreeBuilder):
    """Beautiful Soup's own, which keeps what did not parse: a second parser that looks only for that costs as much."""

    def feed(self, markup: Any) -> None:
        parser = html5lib.HTMLParser(tree=self.create_treebuilder)
        assert self.underlying_builder is not None
        self.underlying_builder.parser = parser
        parser.parse(markup)
        self.underlying_builder.parser = None
        self.errors = parser.errors


class _Tags:
    """Every element of a page, found once, and by name."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self.all: list[Tag] = soup.find_all(True)
        self.ids = Counter(str(tag["id"]) for tag in self.all if "id" in tag.attrs)
        self._by_name: dict[str, list[Tag]] = defaultdict(list)
        for tag in self.all:
            self._by_name[tag.name].append(tag)

    def named(self, *names: str) -> list[Tag]:
        """Those with one of these names."""
        return [tag for name in names for tag in self._by_name.get(name, ())]

    def having(self, attribute: str) -> list[Tag]:
        """Those with that attribute, whatever it says."""
        return [tag for tag in self.all if attribute in tag.attrs]

    def lacking(self, name: str, attribute: str) -> list[Tag]:
        """Those with that name which do not have the attribute."""
        return [tag for tag in self.named(name) if attribute not in tag.attrs]


def read_page(html: str) -> tuple[BeautifulSoup, list[str]]:
    """A whole page, and what is wrong with it."""
    builder = _Builder()
    soup = BeautifulSoup(_joined(html), builder=builder)
    tags = _Tags(soup)
    return soup, [*_said(builder.errors), *_lint_skeleton(soup, tags), *_lint_parts(tags)]


def _joined(html: str) -> str:
    """Without the places where a line may end within a word, which nobody reads."""
    return html.replace("<wbr>", "")


def read_fragment(html: str) -> tuple[BeautifulSoup, list[str]]:
    """A piece of a page, and what is wrong with it. What parses is told where such a piece would stand."""
    container = "tbody" if re.match(r"\s*<tr\b", html) else "tr" if re.match(r"\s*<t[dh]\b", html) else "div"
    parser = html5lib.HTMLParser()
    parser.parseFragment(html, container=container)
    soup = BeautifulSoup(_joined(html), "html5lib")
    return soup, [*_said(parser.errors), *_lint_parts(_Tags(soup), whole=False)]


def lint_page(html: str) -> list[str]:
    """What is wrong with a whole page; empty when nothing is."""
    return read_page(html)[1]


def lint_fragment(html: str) -> list[str]:
    """What is wrong with a piece of a page."""
    return read_fragment(html)[1]


def _said(errors: Iterable[Any]) -> Iterator[str]:
    for (line, _column), code, values in errors:
        yield f"line {line}: the HTML does not parse: {code} {values or ''}".rstrip()


def _lint_skeleton(soup: BeautifulSoup, tags: _Tags) -> Iterator[str]:
    root = soup.find("html")
    if not root or not root.get("lang"):
        yield "<html> has no lang"
    headings = tags.named("h1")
    if len(headings) != 1:
        yield f"there are {len(headings)} h1, not one"
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    if not title.endswith(" · Carillon") or title == " · Carillon":
        yield f"the title {title!r} does not end with ' · Carillon'"
    elif len(headings) == 1 and not _is_titled_after(title, headings[0].get_text(" ", strip=True)):
        yield f"the title {title!r} says something else than the h1 {headings[0].get_text(' ', strip=True)!r}"
    if len(tags.named("main")) != 1:
        yield "there is not exactly one <main>"
    for link in tags.named("a"):
        address = str(link.get("href", ""))
        if "skip" in link.get_attribute_list("class") and address.startswith("#") and address[1:] not in tags.ids:
            yield f"the skip link leads to {address}, which is not there"


def _is_titled_after(title: str, heading: str) -> bool:
    first = re.findall(r"\w+", heading.lower())[:1]
    words = re.findall(r"\w+", title.removeprefix("Error: ").lower())
    return not first or first[0] in words


def _lint_parts(tags: _Tags, *, whole: bool = True) -> Iterator[str]:
    yield from _lint_ids(tags, whole=whole)
    yield from _lint_policy(tags)
    yield from _lint_names(tags)
    yield from _lint_forms(tags)
    yield from _lint_hypermedia(tags)


def _lint_ids(tags: _Tags, *, whole: bool) -> Iterator[str]:
    yield from (f"id {name!r} is used {count} times" for name, count in tags.ids.items() if count > 1)
    for attribute in ("aria-labelledby", "aria-describedby", "aria-controls"):
        for tag in tags.having(attribute) if whole else ():
            for name in str(tag[attribute]).split():
                if name not in tags.ids:
                    yield f"{_show(tag)} points with {attribute} to {name!r}, which is not there"


def _lint_policy(tags: _Tags) -> Iterator[str]:
    yield from (f"{_show(script)} is an inline script" for script in tags.lacking("script", "src"))
    for style in tags.named("style"):
        if style.parent is None or style.parent.name != "svg":
            yield f"{_show(style)} is an inline style element"
    for tag in tags.all:
        for name, value in tag.attrs.items():
            if name in _ADDRESSES or name == "style" or name.startswith(_SCRIPTS):
                yield from (f"{_show(tag)} {each}" for each in _lint_attribute(tag.name, name, str(value).strip()))


def _lint_attribute(tag: str, name: str, value: str) -> Iterator[str]:
    if name == "style":
        yield "has an inline style"
    if name.startswith(_SCRIPTS):
        yield f"has an inline script in {name}"
    if name in _ADDRESSES - {"srcset"} and value.lower().startswith("javascript:"):
        yield "has a javascript: address"
    if name in {"src", "srcset"} and tag != "iframe" and value.startswith(("http:", "https:", "//")):
        yield "asks another host"


def _lint_names(tags: _Tags) -> Iterator[str]:
    labelled = {str(label["for"]) for label in tags.named("label") if "for" in label.attrs}
    for control in tags.named(*CONTROLS):
        if control.name == "input" and control.get("type", "text") in UNLABELLED:
            continue
        is_named = any(control.get(name) for name in ("aria-label", "aria-labelledby"))
        if not is_named and control.get("id") not in labelled and not control.find_parent("label"):
            yield f"{_show(control)} has no label"
    for tag in tags.named("button", "summary", "a"):
        has_words = any(tag.get(name) for name in NAMED_BY) or tag.get_text(strip=True)
        if not has_words and not tag.select("[aria-label], img[alt]"):
            yield f"{_show(tag)} has no words"
    yield from _lint_missing(tags)


def _lint_missing(tags: _Tags) -> Iterator[str]:
    yield from (f"{_show(link)} leads nowhere" for link in tags.lacking("a", "href"))
    yield from (f"{_show(image)} has no alt" for image in tags.lacking("img", "alt"))
    yield from (f"{_show(frame)} has no title" for frame in tags.lacking("iframe", "title"))
    yield from (f"{_show(frame)} has no sandbox" for frame in tags.lacking("iframe", "sandbox"))
    yield from (f"{_show(table)} has no caption" for table in tags.named("table") if not table.find("caption"))


def _lint_forms(tags: _Tags) -> Iterator[str]:
    for form in tags.named("form"):
        method = str(form.get("method", "")).lower()
        if method == "dialog":
            continue
        if method not in {"get", "post"}:
            yield f"{_show(form)} has no method"
        if not form.get("action"):
            yield f"{_show(form)} has no action"
        tokens = form.find_all("input", attrs={"name": "csrf_token"})
        if method == "post" and not any(token.get("value") for token in tokens):
            yield f"{_show(form)} has no csrf token"
        if method == "get" and tokens:
            yield f"{_show(form)} would put the csrf token into the address"


def _lint_hypermedia(tags: _Tags) -> Iterator[str]:
    for tag in tags.having("hx-trigger"):
        if "[" in str(tag["hx-trigger"]):
            yield f"{_show(tag)} has a trigger filter, which needs eval"
    for name in ("hx-vals", "hx-headers", "hx-vars"):
        for tag in tags.having(name):
            if str(tag[name]).lstrip().startswith(("js:", "javascript:")) or name == "hx-vars":
                yield f"{_show(tag)} has a {name} that needs eval"


def _show(tag: Tag) -> str:
    return re.sub(r"\s+", " ", str(tag))[:100]


@dataclass(frozen=True, slots=True)
class Page:
    """An answer that was fetched and found sound; `soup` is None when it is not HTML."""

    status: int
    path: str
    headers: Mapping[str, str]
    body: str
    soup: BeautifulSoup | None

    @property
    def heading(self) -> str:
        """The words of the h1."""
        heading = self.soup.find("h1") if self.soup else None
        return heading.get_text(" ", strip=True) if heading else ""

    @property
    def text(self) -> str:
        """All words of the page, with single spaces."""
        return " ".join(self.soup.get_text(" ").split()) if self.soup else self.body

    def select(self, selector: str) -> list[Tag]:
        """The elements that a CSS selector finds."""
        return list(self.soup.select(selector)) if self.soup else []

    def form(self, selector: str = MAIN_FORM) -> "FormCard":
        """The first form that the selector finds, with the values it would send as it stands."""
        forms = self.select(selector)
        if not forms:
            raise AssertionError(f"no form {selector} on {self.path}")
        return FormCard(urljoin(self.path, str(forms[0]["action"])), str(forms[0]["method"]), _values_of(forms[0]))


@dataclass(frozen=True, slots=True)
class FormCard:
    """Where a form goes, and what it would send."""

    action: str
    method: str
    values: dict[str, Any]


def _values_of(form: Tag) -> dict[str, Any]:
    values: dict[str, list[str]] = {}
    for control in form.select("input[name], textarea[name], select[name]"):
        if control.has_attr("disabled"):
            continue
        for value in _values_of_control(control):
            values.setdefault(str(control["name"]), []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _values_of_control(control: Tag) -> list[str]:
    if control.name == "textarea":
        return [control.get_text().removeprefix("\n")]
    if control.name == "select":
        options = (
            control.select("option[selected]") or control.select("option")[: 0 if control.has_attr("multiple") else 1]
        )
        return [str(option.get("value", option.get_text())) for option in options]
    kind = control.get("type", "text")
    if kind in {"submit", "button", "image", "file"} or (
        kind in {"checkbox", "radio"} and not control.has_attr("checked")
    ):
        return []
    return [str(control.get("value", "on" if kind in {"checkbox", "radio"} else ""))]


def find_token(html: str) -> str:
    """The token against forged requests that the first form of a page sends."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', html)
    assert found is not None
    return found.group(1)


class PageClient:
    """Flask's test client for pages: lints what it fetches, follows forms, knows how htmx asks."""

    def __init__(self, app: Flask) -> None:
        self.raw = app.test_client()

    def get(self, path: str, *, follow: bool = True, **query: Any) -> Page:
        """A page, as a browser asks for it."""
        return self._page(self.raw.get(path, query_string=query or None, follow_redirects=follow))

    def fragment(self, path: str, *, method: str = "GET", target: str = "", **options: Any) -> Page:
        """A piece of a page, as htmx asks for it; `data=…` posts fields."""
        headers = {"HX-Request": "true", **({"HX-Target": target} if target else {}), **options.pop("headers", {})}
        return self._page(self.raw.open(path, method=method, headers=headers, **options), is_fragment=True)

    def sign_in(self, email: str, password: str) -> Page:
        """Go through the sign-in page; the page one lands on."""
        page = self.submit(self.get("/sign-in"), email=email, password=password)
        assert page.path != "/sign-in", page.text
        return page

    def submit(
        self, page: Page, selector: str = "main form[method='post']", *, follow: bool = True, **values: Any
    ) -> Page:
        """Send a form of the page with some values changed; None leaves a field out."""
        card = page.form(selector)
        sent = {name: value for name, value in {**card.values, **values}.items() if value is not None}
        if card.method.lower() == "get":
            return self.get(card.action, follow=follow, **sent)
        return self._page(self.raw.post(card.action, data=sent, follow_redirects=follow))

    def post(self, path: str, *, follow: bool = True, **values: Any) -> Page:
        """Send fields without a form (for what a form would not offer)."""
        return self._page(self.raw.post(path, data=values, follow_redirects=follow))

    def _page(self, answer: TestResponse, *, is_fragment: bool = False) -> Page:
        path = urlsplit(answer.request.path).path if answer.request else ""
        body = answer.get_data(as_text=True) if answer.mimetype.startswith("text/") else ""
        is_html = answer.mimetype == "text/html" and bool(body) and not 300 <= answer.status_code < 400
        soup = None
        if is_html:
            is_whole = not is_fragment or body.lstrip().lower().startswith("<!doctype")
            soup, problems = read_page(body) if is_whole else read_fragment(body)
            assert not problems, f"{path} is not sound:\n  " + "\n  ".join(problems)
        return Page(answer.status_code, path, dict(answer.headers), body, soup)
