"""No ordinary use of a secret shows it: not a print, a log, a traceback, a serialiser, a debugger's list."""

import copy
import dataclasses
import gc
import inspect
import io
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import structlog
import yaml
from pydantic import TypeAdapter
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from gatepass.access import Instant, SecretId
from gatepass.errors import Denied, Unavailable
from gatepass.keys import Digests, Keyring, LiveKeyring, SigningKey
from gatepass.keys.keyring import KeyEncryptionKey
from gatepass.vault import Secret

PLAINTEXT = b"sk_live_4eC39HqLyjWDarjtT1zdp7dc"
MATERIAL = bytes(range(200, 232))


def secret() -> Secret:
    return Secret(SecretId("sec_1"), "https://api.example:443", bytearray(PLAINTEXT))


def keyring() -> Keyring:
    return Keyring(KeyEncryptionKey(MATERIAL, Instant(0)))


def digests() -> Digests:
    made = Digests(keyring)
    made.digest(b"so that a key is derived")
    return made


def shows(text: str, held: bytes = PLAINTEXT) -> bool:
    """Whether `text` shows any eight bytes in a row of what is held, as text, bytes literal, hex or numbers."""
    pieces = [held[start : start + 8] for start in range(len(held) - 7)]
    numbers = [", ".join(str(byte) for byte in piece) for piece in pieces]
    forms = [repr(piece)[2:-1] for piece in pieces] + [piece.hex() for piece in pieces] + numbers
    return any(form in text for form in forms)


GUARDED: dict[str, tuple[Callable[[], Any], bytes]] = {
    "secret": (secret, PLAINTEXT),
    "keyring": (keyring, MATERIAL),
    "key": (lambda: keyring().current, MATERIAL),
    "live keyring": (lambda: LiveKeyring(keyring(), lambda _: None), MATERIAL),
    "digests": (digests, keyring().current.derive("journal arguments")),
    "signing key": (lambda: SigningKey(MATERIAL), MATERIAL),
}


@pytest.fixture(params=list(GUARDED.values()), ids=list(GUARDED))
def guarded(request: pytest.FixtureRequest) -> tuple[Any, bytes]:
    make, held = request.param
    return make(), held


def test_the_detector_detects() -> None:
    assert shows(str(PLAINTEXT))
    assert shows(f"x={PLAINTEXT.decode()}")
    assert shows(PLAINTEXT.hex())
    assert shows(str(list(PLAINTEXT)))
    assert shows(repr(PLAINTEXT[:9]))
    assert not shows(repr(secret()))


class TestNothingShowsIt:
    def test_printing_and_formatting(self, guarded: tuple[Any, bytes]) -> None:
        it, held = guarded
        for shown in (
            str(it),
            repr(it),
            f"{it}",
            f"{it!r:>80}",
            f"{it:>80}",
            f"{it:x}",
            "%s" % it,  # noqa: UP031
            "%r" % it,  # noqa: UP031
            "{}".format(it),  # noqa: UP032
            format(it, "s"),
            str([it]),
            str({"k": it}),
            ascii(it),
            pprint.pformat(it),
            pretty_repr(it),
        ):
            assert not shows(shown, held)
            assert shown.strip()

    def test_looking_around_in_it(self, guarded: tuple[Any, bytes]) -> None:
        it, held = guarded
        console = Console(file=io.StringIO(), width=200)
        members = [(name, value) for name, value in inspect.getmembers(it) if not callable(value)]
        assert not shows(repr(members), held)
        assert not [name for name in dir(it) if name.startswith("_")]
        assert not hasattr(it, "__dict__")
        with pytest.raises(TypeError):
            vars(it)
        console.print(it)
        assert isinstance(console.file, io.StringIO)
        assert not shows(console.file.getvalue(), held)

    @pytest.mark.parametrize(
        "serialise",
        [
            pickle.dumps,
            lambda it: pickle.dumps(it, protocol=0),
            json.dumps,
            lambda it: json.dumps({"k": [it]}),
            msgspec.json.encode,
            msgspec.to_builtins,
            yaml.dump,
            yaml.safe_dump,
            lambda it: TypeAdapter(Any).dump_json(it),
            copy.copy,
            copy.deepcopy,
            lambda it: copy.deepcopy({"k": it}),
            lambda it: dataclasses.asdict(Holder(it)),
            lambda it: it.__getstate__(),
            lambda it: it.__reduce__(),
            lambda it: it.__reduce_ex__(4),
            bytes,
            bytearray,
            memoryview,
            list,
            tuple,
            set,
            dict,
            len,
            int,
            hash,
            iter,
            lambda it: {it: 1},
            lambda it: it == it,  # noqa: PLR0124
            lambda it: it != it,  # noqa: PLR0124
            lambda it: it == PLAINTEXT,
            lambda it: it < it,  # noqa: PLR0124
            lambda it: PLAINTEXT in it,
            lambda it: it + b"",
            lambda it: it[0],
            lambda it: b"".join([it]),
            lambda it: str.join(",", [it, it]),
        ],
    )
    def test_no_serialiser_copier_or_comparison_takes_it(
        self, guarded: tuple[Any, bytes], serialise: Callable[[Any], object]
    ) -> None:
        it, held = guarded
        with pytest.raises(Exception) as refused:  # noqa: PT011 - each library has its own error
            serialise(it)
        assert not shows(str(refused.value), held)
        assert not shows(repr(refused.value.args), held)

    def test_a_comparison_by_a_test_or_a_library_is_refused_not_answered(self) -> None:
        with pytest.raises(TypeError, match="<secret sec_1> must not be compared"):
            _ = secret() == secret()

    def test_logs(self, guarded: tuple[Any, bytes], caplog: pytest.LogCaptureFixture) -> None:
        it, held = guarded
        with caplog.at_level(logging.DEBUG):
            logging.getLogger("x").warning("opened %s %r", it, it, extra={"it": it})
            logging.getLogger("x").error("failed with %s", {"it": it}, exc_info=failure_with(it))
        assert "opened" in caplog.text
        assert not shows(caplog.text, held)
        assert not shows(repr([record.__dict__ for record in caplog.records]), held)

    def test_structured_logs_with_locals(self, guarded: tuple[Any, bytes]) -> None:
        it, held = guarded
        out = io.StringIO()
        logger = structlog.wrap_logger(
            structlog.PrintLogger(out),
            processors=[
                structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=True)),
                structlog.processors.JSONRenderer(default=repr),
            ],
        )
        logger.error("failed", it=it, exc_info=failure_with(it))
        assert '"hold"' in out.getvalue()
        assert not shows(out.getvalue(), held)

    def test_tracebacks_with_locals(self, guarded: tuple[Any, bytes]) -> None:
        it, held = guarded
        shown = shown_traceback(failure_with(it))
        assert "hold" in shown
        assert not shows(shown, held)


@dataclasses.dataclass
class Holder:
    it: Any


def failure_with(it: Any) -> Exception:
    """An error with one frame, whose locals hold `it` in several ways."""
    hold = {"it": it, "list": [it]}
    try:
        raise ValueError(it, hold)  # noqa: TRY301 - the frame is the point
    except ValueError as error:
        return error


def shown_traceback(error: BaseException) -> str:
    """The error as the standard library and rich show it, both with every local variable of every frame."""
    plain = traceback.TracebackException.from_exception(error, capture_locals=True)
    console = Console(file=io.StringIO(), width=300)
    rich = Traceback.from_exception(
        type(error), error, error.__traceback__, show_locals=True, locals_max_string=9999, locals_max_length=999
    )
    console.print(rich)
    assert isinstance(console.file, io.StringIO)
    return "".join(plain.format()) + console.file.getvalue()


class TestTheOneExit:
    def test_a_use_gets_the_plaintext_and_its_result_comes_back(self) -> None:
        assert secret().expose_to(lambda plaintext: b"Bearer " + plaintext) == b"Bearer " + PLAINTEXT

    def test_a_use_may_be_repeated_until_it_is_forgotten(self) -> None:
        it = secret()
        assert it.expose_to(len) == it.expose_to(len) == len(PLAINTEXT)
        it.forget()
        it.forget()
        with pytest.raises(TypeError, match="<secret sec_1> has been forgotten"):
            it.expose_to(len)

    @pytest.mark.parametrize(
        "use",
        [
            lambda plaintext: (plaintext + b"\xff").decode("ascii"),
            lambda plaintext: {}[plaintext],
            int,
            lambda plaintext: (_ for _ in ()).throw(RuntimeError(plaintext)),
            json.loads,
        ],
    )
    def test_an_error_in_a_use_says_nothing(self, use: Callable[[bytes], object]) -> None:
        it = secret()
        with pytest.raises(Unavailable) as refused:
            it.expose_to(use)
        error = refused.value
        assert (error.code, error.message) == (
            "secret_unusable",
            "the upstream's secret does not fit where it is to be put",
        )
        assert error.__context__ is None
        assert error.__cause__ is None
        assert not shows(shown_traceback(error))
        assert not shows(repr(error.args) + repr(error.__notes__))
        assert reachable(error, PLAINTEXT) == []

    def test_our_own_errors_pass_without_the_frames_that_held_it(self) -> None:
        def use(plaintext: bytes) -> None:
            try:
                plaintext.decode("utf-16").encode("ascii")
            except UnicodeError as error:
                raise Denied("caveat_veto", "no") from error

        with pytest.raises(Denied) as refused:
            secret().expose_to(use)
        assert refused.value.message == "no"
        assert refused.value.__cause__ is None
        assert not shows(shown_traceback(refused.value))
        assert reachable(refused.value, PLAINTEXT) == []

    def test_an_interruption_passes_without_the_frames_that_held_it(self) -> None:
        def use(plaintext: bytes) -> None:
            raise KeyboardInterrupt(len(plaintext))

        with pytest.raises(KeyboardInterrupt) as interrupted:
            secret().expose_to(use)
        assert not shows(shown_traceback(interrupted.value))
        assert reachable(interrupted.value, PLAINTEXT) == []

    def test_the_detector_of_what_is_reachable_detects(self) -> None:
        def careless(plaintext: bytes) -> None:
            raise RuntimeError(len(plaintext))

        with pytest.raises(RuntimeError) as raised:
            careless(bytes(bytearray(PLAINTEXT)))
        assert reachable(raised.value, PLAINTEXT)
        assert shows(shown_traceback(raised.value))

    def test_nothing_outside_it_holds_the_buffer_and_the_end_overwrites_it(self) -> None:
        buffer = bytearray(PLAINTEXT)
        it = Secret(SecretId("sec_1"), "https://api.example:443", buffer)
        it.expose_to(len)
        del it
        gc.collect()
        assert buffer == b""

    def test_forgetting_overwrites_before_it_lets_go(self) -> None:
        seen: list[bytes] = []

        class Watched(bytearray):
            def clear(self) -> None:
                seen.append(bytes(self))
                super().clear()

        buffer = Watched(PLAINTEXT)
        Secret(SecretId("sec_1"), "https://api.example:443", buffer).forget()
        assert seen[0] == bytes(len(PLAINTEXT))

    def test_no_subclass_adds_an_exit(self) -> None:
        with pytest.raises(TypeError, match="no subclass"):
            type("Loud", (Secret,), {"__slots__": (), "__repr__": lambda self: str(self._plaintext)})

    def test_no_attribute_can_be_added_to_it(self) -> None:
        with pytest.raises(AttributeError):
            secret().plaintext = PLAINTEXT  # type: ignore[attr-defined]


def reachable(error: BaseException, held: bytes) -> list[object]:
    """Every object that holds the bytes and can be reached from the error: its arguments, its causes, its frames."""
    found: list[object] = []
    seen: set[int] = set()
    waiting: list[Any] = [error.args, getattr(error, "__notes__", None), error.__context__, error.__cause__]
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name in {"use", "careless", "<lambda>", "<genexpr>", "expose_to"}:
            waiting.append(dict(trace.tb_frame.f_locals))
        trace = trace.tb_next
    while waiting:
        one = waiting.pop()
        if id(one) in seen or one is None:
            continue
        seen.add(id(one))
        if isinstance(one, bytes | bytearray | str) and shows(repr(one), held):
            found.append(one)
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, BaseException):
            waiting += [one.args, one.__context__, one.__cause__, getattr(one, "object", None)]
    return found
