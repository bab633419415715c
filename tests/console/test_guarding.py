"""What keeps other pages out, and every answer in its place."""

import re

import pytest
from tests.console.hostile import ALL
from tests.console.person import Person
from tests.web.deployment import Deployment
from tests.web.served import get

from gatepass.console.guarding import check_token, form_token, sealed, unsealed
from gatepass.console.pages.routes import ROUTES
from gatepass.errors import Denied

CSP = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
PASSWORD = [("password", "x" * 20), ("repeated", "x" * 20)]


@pytest.fixture
def ada(deployment: Deployment) -> Person:
    person = Person(deployment)
    person.sign_in()
    return person


def token_of(person: Person) -> str:
    return dict(person.get("/console").form("Sign out").fields)["csrf"]


@pytest.mark.parametrize(
    "path", ["/console", "/console/sign-in", "/console/nothing", "/console/tokens", "/console/%2e"]
)
def test_every_page_has_the_headers_that_keep_it_in_its_place(ada: Person, path: str) -> None:
    headers = ada.get(path).headers
    assert set(headers["content-security-policy"].split("; ")) == CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"origin": "http://127.0.0.1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"origin": None, "sec_fetch_site": None},
        {"origin": None, "sec_fetch_site": "same-site"},
        {"origin": "http://localhost:1", "sec_fetch_site": None},
    ],
    ids=str,
)
def test_a_form_of_another_page_changes_nothing_though_it_holds_the_token(
    ada: Person, headers: dict[str, str | None]
) -> None:
    form = [("csrf", token_of(ada)), *PASSWORD]
    shown = ada.request("POST", "/console/password", form, follow=True, **headers)
    assert (shown.status, "foreign_origin" in shown.text) == (403, True)
    assert (
        ada.deployment.ask("GET", "/status", token=ada.cookies["gatepass_session"]).json()["person"]["has_password"]
        is False
    )


@pytest.mark.parametrize("headers", [{"origin": None}, {"sec_fetch_site": None}], ids=str)
def test_one_of_the_two_is_enough_where_a_browser_says_only_one(ada: Person, headers: dict[str, str | None]) -> None:
    shown = ada.request("POST", "/console/password", [("csrf", token_of(ada)), *PASSWORD], follow=True, **headers)
    assert "Your password is set" in shown.words


@pytest.mark.parametrize("shown", [None, "", "0" * 64, "é", "\U0001f600"])
def test_a_form_without_this_sessions_token_changes_nothing(ada: Person, shown: str | None) -> None:
    form = PASSWORD if shown is None else [("csrf", shown), *PASSWORD]
    assert ada.request("POST", "/console/password", form).status == 403


def test_the_token_of_another_session_is_not_this_ones(ada: Person) -> None:
    other = Person(ada.deployment)
    other.sign_in()
    assert token_of(other) != token_of(ada)
    assert ada.request("POST", "/console/password", [("csrf", token_of(other)), *PASSWORD]).status == 403


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "POST"], ids=lambda route: route.path)
def test_every_change_asks_for_the_token_and_for_where_it_came_from(shared_ada: Person, route: object) -> None:
    path = "/console" + str(route.path).replace("{ref}", "agt_x")  # type: ignore[attr-defined]
    stranger = route.stranger  # type: ignore[attr-defined]
    assert shared_ada.request("POST", path, [], origin="https://evil.example").status == 403
    if not stranger:
        assert shared_ada.request("POST", path, []).status == 403
    assert shared_ada.get(path, sec_fetch_site="same-origin").status in {200, 303, 404, 405}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_there_are_no_other_ways_to_change_anything(ada: Person, method: str) -> None:
    assert ada.request(method, "/console/password").status == 405


def test_pages_are_for_the_host_name_of_people(ada: Person) -> None:
    port = ada.deployment.port
    assert get(port, "/console", "127.0.0.1").status == 421
    assert get(port, "/console", "evil.example").status == 421
    assert get(port, "/", "127.0.0.1").status == 404
    front = get(port, "/", "localhost")
    assert (front.status, front.headers["location"]) == (303, "/console")
    assert get(port, "/", "localhost", "POST").status == 404


def test_a_cookie_that_came_twice_is_nobodys(ada: Person) -> None:
    cookie = f"gatepass_session={ada.cookies['gatepass_session']}; gatepass_session=gp_ses_{'a' * 46}"
    answer = ada.request("GET", "/console", follow=False, cookie=cookie)
    assert (answer.status, answer.headers["location"]) == (303, "/console/sign-in")


def test_a_cookie_that_only_tls_can_have_set_goes_first(ada: Person) -> None:
    cookie = f"__Host-gatepass_session=gp_ses_{'a' * 46}; gatepass_session={ada.cookies['gatepass_session']}"
    answer = ada.request("GET", "/console", follow=False, cookie=cookie)
    assert (answer.status, answer.headers["location"]) == (303, "/console/sign-in")


def test_no_answer_shows_the_session_to_scripts(ada: Person) -> None:
    session = ada.cookies["gatepass_session"]
    for path in ("/console", "/console/password", "/console/tokens/_new", "/console/nothing"):
        assert session not in ada.get(path).text


def test_a_notice_of_a_stranger_is_not_said(ada: Person) -> None:
    session = ada.cookies["gatepass_session"]
    words = "Your password is set"
    ours = sealed(session, "password-set:")
    assert words in ada.get(f"/console?done={ours}").words
    for forged in ("password-set:", "0" * 22 + ".password-set:", sealed("gp_ses_other", "password-set:"), ours + "x"):
        assert words not in ada.get(f"/console?done={forged}").words
    shown = ada.get(f"/console?done={sealed(session, 'token-revoked:<img src=x>')}")
    assert "<img" not in shown.text


def test_seals_and_tokens_are_of_one_session() -> None:
    assert unsealed("one", sealed("one", "text")) == "text"
    assert unsealed("other", sealed("one", "text")) is None
    assert unsealed("one", "é.text") is None
    check_token("one", form_token("one"))
    with pytest.raises(Denied):
        check_token("other", form_token("one"))


@pytest.mark.parametrize("name", ALL)
def test_what_somebody_else_wrote_is_inert(shared_ada: Person, name: str) -> None:
    hostile = ALL[name]
    d = shared_ada.deployment
    said = d.ask("POST", "/tokens", {"name": f"mine-{name}", "purpose": hostile.replace("\n", " ")[:200]})
    if said.status_code != 201:
        assert said.status_code == 400, "what is not taken is not shown either"
        return
    for path in (f"/console/tokens/{said.json()['id']}", "/console/tokens?state=all"):
        shown = shared_ada.get(path)
        assert shown.status == 200
        assert not re.search(r"<script(?! defer src=\"/console/static/)|<img|<svg onload", shown.text)
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\x00-\x08\x0b-\x1f]", shown.text)


@pytest.mark.parametrize("name", ALL)
def test_what_was_typed_wrongly_comes_back_inert_and_to_the_letter(shared_ada: Person, name: str) -> None:
    typed = ALL[name].replace("\r", "").replace("\x00", "")[:4000]
    page = shared_ada.get("/console/tokens/_new")
    shown = shared_ada.send(page, "Create the token", name="ok", agent="support-bot", narrower=typed)
    assert shown.status in {201, 400, 403, 413}
    assert not re.search(r"<script(?! defer src=\"/console/static/)|<img|<svg onload", shown.text)
    if shown.status == 400:
        [form] = [form for form in shown.forms if form.action == "/console/tokens/_new"]
        assert dict(form.fields)["narrower"].replace("\r", "") == typed.encode("utf-8", "replace").decode()


def test_files_are_kept_for_ever_under_their_digest_and_nothing_else_is_served(ada: Person) -> None:
    root = re.search(r"/console/static/[0-9a-f]{16}", ada.get("/console").text)
    assert root is not None
    kept = ada.get(f"{root[0]}/css/theme.css")
    assert (kept.status, kept.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert ada.get("/console/static/css/theme.css").headers["cache-control"] == "no-cache"
    for path in ("/../application.py", "/vendor/vendor.toml", "/%2e%2e/application.py", "/css", "/", "//css/theme.css"):
        assert ada.get(root[0] + path).status == 404, path


def test_looking_changes_nothing(shared_ada: Person) -> None:
    """What only a form may do is not done by an address, which a link, a picture or a prefetch can ask for."""
    shown = {route.path for route in ROUTES if route.method == "GET"}
    changing = [route.path for route in ROUTES if route.method == "POST" and route.path not in shown]
    assert {"/sign-out", "/theme", "/tokens/{ref}/revoke", "/secrets/_rewrap"} <= set(changing)
    for path in changing:
        answer = shared_ada.request("GET", "/console" + path.replace("{ref}", "support"), follow=False)
        assert answer.status in {404, 405}, path
