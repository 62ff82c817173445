"""A test client that lints every page it fetches: one h1, title, labels, unique ids, no inline script, safe forms."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import html5lib
from bs4 import BeautifulSoup, Tag
from flask import Flask
from werkzeug.test import TestResponse

CONTROLS = ("input", "select", "textarea")
UNLABELLED = {"hidden", "submit", "button", "reset", "image"}
MAIN_FORM = "main form[method='post']"
NAMED_BY = ("aria-label", "aria-labelledby", "title")


def lint_page(html: str) -> list[str]:
    """What is wrong with a whole page; empty when nothing is."""
    soup = BeautifulSoup(html, "html5lib")
    return [*_lint_parse(html, whole=True), *_lint_skeleton(soup), *_lint_parts(soup)]


def lint_fragment(html: str) -> list[str]:
    """What is wrong with a piece of a page."""
    return [*_lint_parse(html, whole=False), *_lint_parts(BeautifulSoup(html, "html5lib"), whole=False)]


def _lint_parse(html: str, *, whole: bool) -> Iterator[str]:
    parser = html5lib.HTMLParser()
    if whole:
        parser.parse(html)
    else:
        container = "tbody" if re.match(r"\s*<tr\b", html) else "tr" if re.match(r"\s*<t[dh]\b", html) else "div"
        parser.parseFragment(html, container=container)
    for (line, _column), code, values in parser.errors:
        yield f"line {line}: the HTML does not parse: {code} {values or ''}".rstrip()


def _lint_skeleton(soup: BeautifulSoup) -> Iterator[str]:
    root = soup.find("html")
    if not root or not root.get("lang"):
        yield "<html> has no lang"
    headings = soup.find_all("h1")
    if len(headings) != 1:
        yield f"there are {len(headings)} h1, not one"
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    if not title.endswith(" · Carillon") or title == " · Carillon":
        yield f"the title {title!r} does not end with ' · Carillon'"
    elif len(headings) == 1 and not _is_titled_after(title, headings[0].get_text(" ", strip=True)):
        yield f"the title {title!r} says something else than the h1 {headings[0].get_text(' ', strip=True)!r}"
    if len(soup.find_all("main")) != 1:
        yield "there is not exactly one <main>"
    ids = {str(tag["id"]) for tag in soup.find_all(id=True)}
    for link in soup.select("a.skip[href^='#']"):
        if str(link["href"])[1:] not in ids:
            yield f"the skip link leads to {link['href']}, which is not there"


def _is_titled_after(title: str, heading: str) -> bool:
    first = re.findall(r"\w+", heading.lower())[:1]
    words = re.findall(r"\w+", title.removeprefix("Error: ").lower())
    return not first or first[0] in words


def _lint_parts(soup: BeautifulSoup, *, whole: bool = True) -> Iterator[str]:
    yield from _lint_ids(soup, whole=whole)
    yield from _lint_policy(soup)
    yield from _lint_names(soup)
    yield from _lint_forms(soup)
    yield from _lint_hypermedia(soup)


def _lint_ids(soup: BeautifulSoup, *, whole: bool) -> Iterator[str]:
    counted = Counter(str(tag["id"]) for tag in soup.find_all(id=True))
    yield from (f"id {name!r} is used {count} times" for name, count in counted.items() if count > 1)
    for attribute in ("aria-labelledby", "aria-describedby", "aria-controls"):
        for tag in soup.find_all(attrs={attribute: True}) if whole else ():
            for name in str(tag[attribute]).split():
                if name not in counted:
                    yield f"{_show(tag)} points with {attribute} to {name!r}, which is not there"


def _lint_policy(soup: BeautifulSoup) -> Iterator[str]:
    yield from (f"{_show(script)} is an inline script" for script in soup.select("script:not([src])"))
    yield from (f"{_show(style)} is an inline style element" for style in soup.select(":not(svg) > style"))
    for tag in soup.find_all(True):
        for name, value in tag.attrs.items():
            yield from (f"{_show(tag)} {problem}" for problem in _lint_attribute(tag.name, name, str(value).strip()))


def _lint_attribute(tag: str, name: str, value: str) -> Iterator[str]:
    if name == "style":
        yield "has an inline style"
    if name.startswith(("on", "hx-on")):
        yield f"has an inline script in {name}"
    if name in {"href", "action", "src", "hx-get", "hx-post"} and value.lower().startswith("javascript:"):
        yield "has a javascript: address"
    if name in {"src", "srcset"} and tag != "iframe" and value.startswith(("http:", "https:", "//")):
        yield "asks another host"


def _lint_names(soup: BeautifulSoup) -> Iterator[str]:
    labelled = {str(label["for"]) for label in soup.find_all("label", attrs={"for": True})}
    for control in soup.find_all(CONTROLS):
        if control.name == "input" and control.get("type", "text") in UNLABELLED:
            continue
        is_named = any(control.get(name) for name in ("aria-label", "aria-labelledby"))
        if not is_named and control.get("id") not in labelled and not control.find_parent("label"):
            yield f"{_show(control)} has no label"
    for tag in soup.find_all(["button", "summary", "a"]):
        has_words = tag.get_text(strip=True) or any(tag.get(name) for name in NAMED_BY)
        if not has_words and not tag.select("[aria-label], img[alt]"):
            yield f"{_show(tag)} has no words"
    yield from _lint_missing(soup)


def _lint_missing(soup: BeautifulSoup) -> Iterator[str]:
    yield from (f"{_show(link)} leads nowhere" for link in soup.select("a:not([href])"))
    yield from (f"{_show(image)} has no alt" for image in soup.select("img:not([alt])"))
    yield from (f"{_show(frame)} has no title" for frame in soup.select("iframe:not([title])"))
    yield from (f"{_show(frame)} has no sandbox" for frame in soup.select("iframe:not([sandbox])"))
    yield from (f"{_show(table)} has no caption" for table in soup.select("table:not(:has(caption))"))


def _lint_forms(soup: BeautifulSoup) -> Iterator[str]:
    for form in soup.find_all("form"):
        method = str(form.get("method", "")).lower()
        if method == "dialog":
            continue
        if method not in {"get", "post"}:
            yield f"{_show(form)} has no method"
        if not form.get("action"):
            yield f"{_show(form)} has no action"
        if method == "post" and not form.select("input[name='csrf_token'][value]:not([value=''])"):
            yield f"{_show(form)} has no csrf token"
        if method == "get" and form.select("input[name='csrf_token']"):
            yield f"{_show(form)} would put the csrf token into the address"


def _lint_hypermedia(soup: BeautifulSoup) -> Iterator[str]:
    for tag in soup.find_all(attrs={"hx-trigger": True}):
        if "[" in str(tag["hx-trigger"]):
            yield f"{_show(tag)} has a trigger filter, which needs eval"
    for name in ("hx-vals", "hx-headers", "hx-vars"):
        for tag in soup.find_all(attrs={name: True}):
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
        if is_html:
            is_whole = not is_fragment or body.lstrip().lower().startswith("<!doctype")
            problems = lint_page(body) if is_whole else lint_fragment(body)
            assert not problems, f"{path} is not sound:\n  " + "\n  ".join(problems)
        soup = BeautifulSoup(body, "html5lib") if is_html else None
        return Page(answer.status_code, path, dict(answer.headers), body, soup)
