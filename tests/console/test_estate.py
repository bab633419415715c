"""Upstreams, secrets, roles and people, as somebody at a browser without scripts manages them."""

from typing import Any

import pytest
from tests.administration.world import ORDERS
from tests.console.hostile import ATTRIBUTES, MARKUP, TEMPLATE
from tests.console.person import Person, Shown
from tests.web.deployment import Deployment

VALUE = "sk_live_goes_in_and_never_out"
BROKEN = "types:\n  orders:\n    actions:\n      list: {class: raed}\nrest: []\n"


@pytest.fixture
def ada(deployment: Deployment) -> Person:
    person = Person(deployment)
    person.sign_in()
    return person


@pytest.fixture
def furnished(ada: Person) -> Person:
    ada.deployment.furnish()
    return ada


def register(ada: Person, **said: str) -> Shown:
    page = ada.get("/console/upstreams/_new")
    form: dict[str, Any] = {"name": "orders", "target": "https://orders.example/v1", "operations": ORDERS, **said}
    return ada.send(page, "Register it", **form)


def test_an_upstream_is_registered_shown_changed_switched_off_and_deleted(ada: Person) -> None:
    shown = register(ada)
    assert (shown.status, "The upstream orders is registered" in shown.words) == (200, True)
    assert "authorization , after Bearer" in shown.words
    assert "orders:refund" in shown.words
    change = ada.get(shown.path.partition("?")[0] + "/change")
    changed = ada.send(change, "Change it", injection_name="x-key", injection_prefix="")
    assert "header x-key" in changed.words
    off = ada.send(changed, "Disable")
    assert "nothing gets through" in off.words
    assert "is open again" in ada.send(off, "Let calls through").words
    gone = ada.send(changed, "Delete orders for good")
    assert "are forgotten" in gone.words
    assert "No upstream yet" in gone.words


def test_a_complaint_about_the_file_stands_at_its_line_and_nothing_typed_is_lost(ada: Person) -> None:
    shown = register(ada, operations=BROKEN, target="https://elsewhere.example/v2")
    assert shown.status == 400
    assert 'class="is-wrong">      list: {class: raed}' in shown.text
    form = dict(shown.form("Register it").fields)
    assert form["operations"] == BROKEN
    assert form["target"] == "https://elsewhere.example/v2"
    again = ada.send(shown, "Register it", operations=ORDERS)
    assert "is registered" in again.words


def test_two_people_at_one_upstream_do_not_overwrite_each_other(ada: Person) -> None:
    shown = register(ada)
    first = ada.get(shown.path.partition("?")[0] + "/change")
    second = ada.get(shown.path.partition("?")[0] + "/change")
    ada.send(first, "Change it", injection_name="x-first")
    late = ada.send(second, "Change it", injection_name="x-second")
    assert late.status in {409, 412}
    assert "x-first" in ada.get(shown.path.partition("?")[0]).words


@pytest.mark.parametrize("text", [MARKUP, TEMPLATE, ATTRIBUTES])
def test_hostile_text_in_a_form_comes_back_inert(ada: Person, text: str) -> None:
    shown = register(ada, name=text[:63], operations=f"types: {{}}\n# {text}\nnonsense: 1\n", target=text)
    assert shown.status == 400
    form = dict(shown.form("Register it").fields)
    assert form["target"] == text
    assert "<img" not in shown.text
    assert "<script>document" not in shown.text
    assert "' hx-get='http" not in shown.text


def test_a_secret_goes_in_and_no_page_shows_it(furnished: Person) -> None:
    page = furnished.get("/console/secrets/_new?upstream=orders")
    shown = furnished.send(page, "Store it", name="orders-key", value=VALUE)
    assert "The secret orders-key is sealed" in shown.words
    for path in ("/console/secrets", "/console/journal", "/console/upstreams/orders"):
        assert VALUE not in furnished.get(path).text
    replace = furnished.get("/console/secrets/orders-key/replace")
    assert "The secret orders-key is replaced" in furnished.send(replace, "Replace it", value=VALUE + "2").words
    listed = furnished.get("/console/secrets")
    assert "is forgotten" in furnished.send(listed, "Delete orders-key").words


def test_a_value_does_not_come_back_with_the_complaint(furnished: Person) -> None:
    page = furnished.get("/console/secrets/_new")
    value = VALUE + "x" * (1 << 17)
    shown = furnished.send(page, "Store it", name="orders-key", value=value)
    assert shown.status in {400, 413}
    assert VALUE not in shown.text
    assert dict(shown.form("Store it").fields)["name"] == "orders-key"


def test_secrets_are_wrapped_anew(furnished: Person) -> None:
    furnished.send(furnished.get("/console/secrets/_new"), "Store it", name="orders-key", value=VALUE)
    shown = furnished.send(furnished.get("/console/secrets"), "Wrap anew", new_key="yes")
    assert "Wrapped anew: 1." in shown.words


def test_a_role_is_made_previewed_changed_and_deleted(furnished: Person) -> None:
    page = furnished.get("/console/roles/_new")
    made = furnished.send(page, "Make the role", name="reader", scopes="orders:list", longest="12h")
    assert "The role reader is there" in made.words
    assert "12 hours" in made.words
    change = furnished.get("/console/roles/support/change")
    fields = {**dict(change.form("Show what it would change").fields), "step": "preview"}
    fields["scopes"] = "orders:list\norders:list:*"
    preview = furnished.request("POST", "/console/roles/support/change", list(fields.items()))
    assert "more orders:list:*" in preview.words
    assert "less orders:refund" in preview.words
    assert "for 1 agent" in preview.words
    assert "orders:refund" in furnished.get("/console/roles/support").words, "a preview changes nothing"
    saved = furnished.send(preview, "Save the role")
    assert "orders:refund" not in saved.words.partition("May do")[2].partition("Asks a person")[0]
    deleted = furnished.send(furnished.get("/console/roles/reader"), "Delete reader")
    assert "The role reader is deleted" in deleted.words


def test_making_a_role_never_changes_one_that_is_there(furnished: Person) -> None:
    page = furnished.get("/console/roles/_new")
    furnished.send(page, "Make the role", name="reader", scopes="orders:list")
    again = furnished.send(page, "Make the role", name="reader", scopes="orders:refund")
    assert again.status in {409, 412}
    assert dict(again.form("Make the role").fields)["scopes"] == "orders:refund", "what was typed is lost"
    words = furnished.get("/console/roles/reader").words
    assert "orders:list" in words
    assert "orders:refund" not in words


def test_a_scope_is_picked_from_the_catalogue(furnished: Person) -> None:
    page = furnished.get("/console/roles/_new")
    assert "orders:list" in page.form("Make the role").options["pick"]
    made = furnished.send(page, "Make the role", name="picker", scopes="", pick=["orders:list"])
    assert "orders:list" in made.words.partition("May do")[2]


def test_a_role_that_cannot_be_read_keeps_what_was_typed(furnished: Person) -> None:
    page = furnished.get("/console/roles/_new")
    shown = furnished.send(page, "Make the role", name="odd", scopes="orders:nothing-like-it?x<", longest="soon")
    assert shown.status == 400
    assert dict(shown.form("Make the role").fields)["scopes"] == "orders:nothing-like-it?x<"


def test_a_persons_code_is_shown_once_and_works(ada: Person) -> None:
    page = ada.get("/console/people/_new")
    shown = ada.send(page, "Add the person", name="grace", operator="auditor")
    assert shown.status == 201
    code = shown.text.partition('tabindex="0">')[2].partition("</pre>")[0]
    grace = Person(ada.deployment)
    assert "Set a password" in grace.send(grace.get("/console/sign-in"), "with the code", code=code).words
    assert code not in ada.get("/console/people").text
    assert "auditor" in ada.get("/console/people/grace").words


def test_a_person_gets_another_role_another_code_and_is_disabled(ada: Person) -> None:
    ada.send(ada.get("/console/people/_new"), "Add the person", name="grace", operator="auditor")
    shown = ada.send(ada.get("/console/people/grace"), "Change it", operator="operator")
    assert "grace has another operator role" in shown.words
    assert "Shown once" in ada.send(shown, "Make a one-time code").words
    gone = ada.send(ada.get("/console/people/grace"), "Disable for good")
    assert "all that was theirs is revoked" in gone.words


def test_the_last_admin_stays_and_the_page_says_why(ada: Person) -> None:
    shown = ada.send(ada.get("/console/people/ada"), "Disable for good")
    assert shown.status in {403, 409}
    assert "admin" in shown.words
    assert "Overview" in ada.get("/console").words


def test_settings_say_where_they_came_from(ada: Person) -> None:
    shown = ada.get("/console/settings")
    assert shown.status == 200
    assert "This deployment" in shown.words


def test_a_scheme_is_chosen_and_kept_without_a_flash(ada: Person) -> None:
    page = ada.get("/console/help")
    assert "data-theme" not in page.text
    dark = _choose(ada, "dark")
    assert '<html lang="en" data-theme="dark">' in dark.text
    assert dark.path == "/console/help"
    assert "data-theme" not in _choose(ada, "auto").text


def test_a_scheme_leads_nowhere_else_and_sets_nothing_odd(ada: Person) -> None:
    for to in ("https://elsewhere.example/", "//elsewhere.example", "/console/../u/orders", "/consoleer"):
        shown = _choose(ada, 'dark"><script>', to=to)
        assert shown.path == "/console/settings"
        assert "<script>" not in shown.text
        assert "data-theme" not in shown.text


def _choose(ada: Person, theme: str, to: str = "/console/help") -> Shown:
    form = dict(ada.get("/console/help").form("Light").fields)
    return ada.request("POST", "/console/theme", [("csrf", form["csrf"]), ("to", to), ("theme", theme)])
