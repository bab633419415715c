"""Signing in and out, and what is done with who has to sign in again."""

import re

import pytest
from tests.console.person import Person
from tests.web.deployment import Deployment

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada(deployment: Deployment) -> Person:
    return Person(deployment)


def test_a_code_is_spent_by_a_form_and_opens_a_session_that_no_script_can_read(ada: Person) -> None:
    shown = ada.sign_in()
    assert (shown.status, "Set a password" in shown.words) == (200, True)
    [line] = ada.cookie_lines
    assert re.fullmatch(
        r"gatepass_session=gp_ses_\w+; Path=/console; HttpOnly; SameSite=Strict; Max-Age=28800", line
    ), line


def test_the_overview_has_one_address_however_it_is_typed(ada: Person) -> None:
    ada.sign_in()
    assert [ada.get(path).status for path in ("/console", "/console/")] == [200, 200]
    assert ada.get("/console//").status == 404


def test_over_tls_the_cookie_is_bound_to_the_host(ada: Person) -> None:
    origin = ada.origin.replace("http:", "https:")
    form = [("code", ada.deployment.code())]
    ada.request("POST", "/console/sign-in", form, follow=False, origin=origin)
    [line] = ada.cookie_lines
    assert re.fullmatch(
        r"__Host-gatepass_session=gp_ses_\w+; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=28800", line
    ), line
    assert "Overview" in ada.get("/console").words


def test_looking_at_the_link_spends_nothing(ada: Person) -> None:
    code = ada.deployment.code()
    for path in (f"/console/sign-in?code={code}", f"/console/sign-in/{code}", "/console/sign-in"):
        ada.get(path)
    shown = ada.send(ada.get("/console/sign-in"), "with the code", code=code)
    assert "Set a password" in shown.words


def test_a_spent_code_a_wrong_one_and_no_code_say_the_same(ada: Person) -> None:
    code = ada.deployment.code()
    ada.send(ada.get("/console/sign-in"), "with the code", code=code)
    ada.cookies.clear()
    for wrong in (code, "AAAA-BBBB-CCCC-DDDD-EEEE-FFFF"):
        shown = ada.send(ada.get("/console/sign-in"), "with the code", code=wrong)
        assert shown.status == 401
        assert "the name, the password or the code is wrong, or it is too late" in shown.words
        assert wrong not in shown.text
    assert not ada.cookies


def test_a_password_is_set_once_typed_twice_and_opens_the_next_session(ada: Person) -> None:
    page = ada.sign_in()
    assert "the two passwords differ" in ada.send(page, "Set it", password=PASSWORD, repeated="another").words
    shown = ada.send(page, "Set it", password=PASSWORD, repeated=PASSWORD)
    assert "Your password is set." in shown.words
    assert PASSWORD not in shown.text
    ada.send(shown, "Sign out")
    assert not ada.cookies
    shown = ada.send(ada.get("/console/sign-in"), "with the password", name="ada", password=PASSWORD)
    assert (shown.status, shown.path) == (200, "/console")


def test_signing_out_ends_the_session_at_the_api_and_not_only_the_cookie(ada: Person) -> None:
    ada.sign_in()
    stolen = dict(ada.cookies)
    ada.send(ada.get("/console"), "Sign out")
    ada.cookies = stolen
    assert ada.get("/console").path == "/console/sign-in"
    assert ada.deployment.ask("GET", "/status", token=stolen["gatepass_session"]).status_code == 401


@pytest.mark.parametrize("path", ["/console", "/console/password"])
def test_a_stranger_is_led_to_the_way_in_and_from_there_to_where_they_wanted(ada: Person, path: str) -> None:
    shown = ada.get(path)
    assert shown.path.startswith("/console/sign-in")
    ada.send(shown, "with the code", code=ada.deployment.code())
    assert ada.get(path).status == 200


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/console/../api", "/console\\@evil", "/consolex", "javascript:1"]
)
def test_signing_in_leads_nowhere_but_here(ada: Person, to: str) -> None:
    ada.sign_in()
    ada.send(ada.get("/console/password"), "Set it", password=PASSWORD, repeated=PASSWORD)
    ada.cookies.clear()
    form = [("name", "ada"), ("password", PASSWORD), ("to", to)]
    answer = ada.request("POST", "/console/sign-in", form, follow=False)
    assert (answer.status, answer.headers["location"]) == (303, "/console")
