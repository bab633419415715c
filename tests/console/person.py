"""A person at a browser without scripts: follows redirects, keeps cookies, fills in forms as they stand there."""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx2
from tests.web.deployment import Deployment


@dataclass
class Form:
    """A form as it stands in a page."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    """What may be ticked or picked, by name."""


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.here: Form | None = None
        self.area: str | None = None
        self.select: str | None = None
        self.button = False
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.here = Form(said.get("action", ""), said.get("method", "get"))
            self.forms.append(self.here)
        if self.here is None:
            return
        name = said.get("name", "")
        if tag == "input" and name:
            self.here.options.setdefault(name, []).append(said.get("value", ""))
            ticked = said.get("type") not in {"checkbox", "radio"} or "checked" in said
            if ticked:
                self.here.fields.append((name, said.get("value", "")))
        elif tag == "textarea":
            self.area, self.text = name, ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select:
            options = self.here.options.setdefault(self.select, [])
            options.append(said.get("value", ""))
            if "selected" in said or len(options) == 1:
                self.here.fields = [pair for pair in self.here.fields if pair[0] != self.select]
                self.here.fields.append((self.select, said.get("value", "")))
        elif tag == "button":
            self.button, self.text = True, ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.here = None
        elif tag == "textarea" and self.here and self.area:
            self.here.fields.append((self.area, self.text.removeprefix("\n")))
            self.area = None
        elif tag == "select":
            self.select = None
        elif tag == "button" and self.here and self.button:
            self.here.buttons.append(" ".join(self.text.split()))
            self.button = False

    def handle_data(self, data: str) -> None:
        self.text += data


@dataclass
class Shown:
    """A page that came back."""

    status: int
    text: str
    path: str
    headers: httpx2.Headers

    @property
    def forms(self) -> list[Form]:
        reader = _Forms()
        reader.feed(self.text)
        return reader.forms

    def form(self, button: str) -> Form:
        """The form with that button."""
        found = [form for form in self.forms if any(button in words for words in form.buttons)]
        assert found, f"no {button!r} among {[form.buttons for form in self.forms]}"
        return found[0]

    @property
    def words(self) -> str:
        """What stands there, without the markup."""
        text = re.sub(r"<script.*?</script>|<!--.*?-->", " ", self.text, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


@dataclass
class Person:
    """One person's browser."""

    deployment: Deployment
    cookies: dict[str, str] = field(default_factory=dict)
    cookie_lines: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.deployment.port}"

    def request(
        self, method: str, path: str, fields: Any = None, *, follow: bool = True, **headers: str | None
    ) -> Shown:
        """One request as a browser makes it; a header that is None is left out."""
        said: dict[str, str | None] = {"host": self.origin.removeprefix("http://")}
        if self.cookies:
            said["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            said |= {"origin": self.origin, "sec-fetch-site": "same-origin"}
            said["content-type"] = "application/x-www-form-urlencoded"
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in said.items() if value is not None}
        content = None if fields is None else urlencode(fields).encode()
        url = f"http://127.0.0.1:{self.deployment.port}{path}"
        answer = self.deployment.client.request(method, url, headers=sent, content=content)
        for line in answer.headers.get_list("set-cookie"):
            self.cookie_lines.append(line)
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "Max-Age=0" in line:
                del self.cookies[name]
        self.deployment.client.cookies.clear()
        if follow and answer.status_code == 303:
            return self.request("GET", answer.headers["location"])
        return Shown(answer.status_code, answer.text, path, answer.headers)

    def get(self, path: str, **headers: str | None) -> Shown:
        return self.request("GET", path, follow=True, **headers)

    def send(self, shown: Shown, button: str, *, follow: bool = True, **filled: str | list[str]) -> Shown:
        """Fill in the form with that button and press it. What has no field in the page cannot be filled in."""
        form = shown.form(button)
        for name in filled:
            assert name in form.options or name in dict(form.fields), f"no field {name!r} in {form}"
        kept = [(name, value) for name, value in form.fields if name not in filled]
        for name, value in filled.items():
            kept += [(name, each) for each in (value if isinstance(value, list) else [value])]
        if form.method.lower() == "get":
            return self.request("GET", f"{form.action or shown.path}?{urlencode(kept)}")
        return self.request("POST", form.action, kept, follow=follow)

    def sign_in(self, name: str = "ada") -> Shown:
        """With a code."""
        return self.send(self.get("/console/sign-in"), "with the code", code=self.deployment.code(name))
