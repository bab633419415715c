"""One name for each place."""

import pytest

from gatepass.issuer import McpPlace, Places, RestPlace

PLACES = Places("http://127.0.0.1:8420")


def test_each_surface_of_an_upstream_has_one_name() -> None:
    assert PLACES.issuer == "http://127.0.0.1:8420"
    assert PLACES.token == "http://127.0.0.1:8420/oauth2/token"
    assert PLACES.audience(RestPlace("orders")) == "http://127.0.0.1:8420/u/orders"
    assert PLACES.audience(McpPlace("git.hub-1")) == "http://127.0.0.1:8420/mcp/git.hub-1"


@pytest.mark.parametrize("place", [RestPlace("orders"), McpPlace("orders")])
def test_a_name_finds_its_place(place: RestPlace | McpPlace) -> None:
    assert PLACES.find(PLACES.audience(place)) == place


def test_what_clients_write_down_for_mcp_and_for_rest_means_the_same_place() -> None:
    assert PLACES.find("http://127.0.0.1:8420/k/orders/mcp") == McpPlace("orders")
    assert PLACES.find("http://127.0.0.1:8420/u/orders/") == RestPlace("orders")


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8420",
        "http://127.0.0.1:8420/",
        "http://127.0.0.1:8420/mcp",
        "http://127.0.0.1:8420/mcp/orders/",
        "http://127.0.0.1:8420/u/orders/v1",
        "http://127.0.0.1:8420/u/orders?x",
        "http://127.0.0.1:8420/u/orders#x",
        "http://127.0.0.1:8420/u/orders\n",
        "http://127.0.0.1:8420/u/Orders",
        "http://127.0.0.1:8420/u/%6frders",
        "http://127.0.0.1:8420/x/../u/orders",
        "HTTP://127.0.0.1:8420/u/orders",
        "http://127.0.0.1:84200/u/orders",
        "http://127.0.0.1/u/orders",
        "http://127.0.0.1:8420.evil.example/u/orders",
        "https://127.0.0.1:8420/u/orders",
        "/u/orders",
        "",
        "http://127.0.0.1:8420/u/" + "o" * 600,
    ],
)
def test_no_other_spelling_is_a_place(text: str) -> None:
    assert PLACES.find(text) is None
