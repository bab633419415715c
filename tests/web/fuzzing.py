"""schemathesis against a deployment that is served for real: as an admin, as an auditor, and as nobody.

    python -m tests.web.fuzzing [--examples 10] [--others 10] [--seed 11] [--only admin]

All checks, valid and invalid data, examples, coverage, fuzzing and the stateful phase, which follows the document's
links from what was made to what can be done with it. The document is the one that the API itself serves. What is left
out, and why, stands in `docs/api.md`. Who may change nothing is asked less: `--others 0` leaves their coverage out.

A walk that finds nothing because it got nowhere fails: there is a least number of changes that an admin's has to make.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from tests.administration.world import MINUTE
from tests.web import steering
from tests.web.deployment import Deployment, deployed

from gatepass.credentials import Rate, TokenLimits, UnverifiedToken

PLENTY: Final = TokenLimits(attempts=Rate(10**9, MINUTE), calls=Rate(300, MINUTE))


@dataclass
class Outcome:
    """What one walk came to."""

    who: str
    failures: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    phases: dict[str, Counter[int]] = field(default_factory=dict)
    seen: set[tuple[str, int]] = field(default_factory=set)
    """Operations, and the statuses that each answered."""
    changes: Counter[str] = field(default_factory=Counter)
    """Changes that were made in the stateful phase, by operation."""
    linked: Counter[str] = field(default_factory=Counter)
    """Those among them that followed a link from what an earlier one answered."""


@dataclass
class Identity:
    """Somebody who signs in again when a walk has ended their session."""

    deployment: Deployment
    name: str
    _text: str = ""

    def token(self) -> str:
        register = self.deployment.administration.desk.register
        id_ = UnverifiedToken.parse(self._text).credential_id if self._text else None
        held = register.tokens.get(id_) if id_ else None
        if held is None or not register.alive(held, self.deployment.now[0]):
            self._text = self.deployment.sign_in(self.name)
        return self._text


def configured(seed: int, examples: int, *, coverage: bool, sequences: int) -> SchemathesisConfig:
    """Nothing that depends on the time or on an earlier run: a seed, no database, no shrinking, no deadline."""
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "suppress-health-check": ["all"],
            "headers": {"Host": "localhost"},
            "workers": 1,
            "continue-on-failure": True,
            "generation": {"mode": "all", "max-examples": examples, "database": "none", "no-shrink": True},
            "phases": {
                "examples": {"enabled": True, "fill-missing": True},
                "coverage": {"enabled": coverage},
                "stateful": {
                    "enabled": True,
                    "max-steps": STEPS,
                    "generation": {"max-examples": max(examples, sequences)},
                },
            },
            "checks": CHECKS,
            "operations": OPERATIONS,
        }
    )


ACCEPTED: Final = ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "429"]
"""What a request that the document allows may be answered: it depends on what there is, and on who asks. 412 is a
condition that does not hold; 422 a key that the generator has used before with another body."""
REJECTED: Final = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422", "429"]

CHECKS: Final[dict[str, Any]] = {
    "positive_data_acceptance": {"expected-statuses": ACCEPTED},
    "negative_data_rejection": {"expected-statuses": REJECTED},
}
GRAMMARS: Final = {
    "POST /tokens": "scopes have a grammar and a catalogue, a name may be of an agent, and limits go together",
    "PATCH /tokens/{ref}": "which limits can be said depends on the token and on each other",
    "PUT /roles/{ref}": "scopes have a grammar and a catalogue, and the name in the path one too",
    "POST /upstreams": "the operations file is YAML with a meaning, the target a URL or a command line",
    "PUT /upstreams/{ref}": "the same",
    "POST /secrets": "what a value may hold depends on where the upstream wants it",
    "PUT /secrets/{ref}": "the same",
    "POST /leaked": "a token has a checksum",
    "POST /tokens/{ref}/explain": "an attempt is in the words of its upstream's surface",
    "GET /tokens/{ref}/blast-radius": "a person's token has none",
    "POST /configuration": "files have a grammar and a meaning",
    "PUT /trust-rules/{ref}": "conditions have a grammar, and keys are keys",
    "POST /trust-trials": "a token is a signed text",
    "POST /agents/{ref}/keys": "a key is a point of its curve",
    "GET /activity": "instants and steps have to go together",
    "GET /journal": "an instant has to be one, and have a zone",
}
"""Operations whose valid bodies no schema can tell: of these alone, 400 is no fault. `docs/api.md` lists them."""
OPERATIONS: Final = [
    {
        "include-name": name,
        "checks": {"positive_data_acceptance": {"expected-statuses": [*ACCEPTED, "400"]}},
    }
    for name in GRAMMARS
]


ASKED: Final = {"POST /trust-trials", "POST /tokens/{ref}/explain", "POST /configuration/plan"}
"""What is posted and changes nothing."""
SEQUENCES: Final = 60
"""At least, of a whole walk."""
STEPS: Final = 10
"""Of one sequence."""
FEWEST_LINKED: Final = 12
"""Changes that an admin's walk makes through links, or it got nowhere."""
FEWEST_KINDS: Final = 6
"""Operations among them."""


def walk(
    deployment: Deployment,
    who: str,
    token: Callable[[], str] | None,
    seed: int,
    examples: int,
    *,
    coverage: bool = True,
) -> Outcome:
    """One walk through the whole API."""
    document = deployment.ask("GET", "/openapi.json", token=deployment.sign_in()).json()
    schema = schemathesis.openapi.from_dict(
        document, config=configured(seed, examples, coverage=coverage, sequences=SEQUENCES if coverage else 1)
    )
    schema.config.update(base_url=f"http://127.0.0.1:{deployment.port}/api/v1")
    if token is not None:
        _sign(schema, token)

    outcome = Outcome(who)
    for event in from_schema(schema).execute():
        _note(outcome, event)
    return outcome


def _sign(schema: Any, token: Callable[[], str]) -> None:
    @schema.auth(cache_by_key=None, refresh_interval=None)
    class Bearer:
        def get(self, case: Any, context: Any) -> str:
            return token()

        def set(self, case: Any, data: str, context: Any) -> None:
            case.headers = case.headers or {}
            case.headers["Authorization"] = f"Bearer {data}"


def _quote_tags() -> None:
    """schemathesis 4.32 does not keep to the pattern of a tag when it fills in the other parameters of a request."""

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        for name in ("If-Match", "If-None-Match"):
            value = (case.headers or {}).get(name)
            made_up = case.meta is not None and case.meta.generation.mode.value == "positive"
            if made_up and isinstance(value, str) and value != "*" and not value.startswith(('"', "W/")):
                case.headers[name] = f'"{value}"'


def _note(outcome: Outcome, event: events.EngineEvent) -> None:
    if isinstance(event, events.ScenarioFinished):
        counted = outcome.phases.setdefault(event.phase.value, Counter())
        for id_, interaction in event.recorder.interactions.items():
            response = interaction.response
            if response is None:
                continue
            outcome.answers[response.status_code] += 1
            counted[response.status_code] += 1
            node = event.recorder.cases.get(id_)
            if node is not None:
                operation = node.value.operation
                name = f"{operation.method.upper()} {operation.path}"
                outcome.seen.add((name, response.status_code))
                if (
                    event.phase.value == "stateful"
                    and operation.method != "get"
                    and name not in ASKED
                    and response.status_code < 300
                ):
                    outcome.changes[name] += 1
                    outcome.linked[name] += node.is_transition_applied
        outcome.failures += _failed(event)
    elif isinstance(event, events.NonFatalError):
        outcome.failures.append(f"{event.label}: {event.value!r}")
    elif isinstance(event, events.FatalError):
        raise event.exception


def _failed(event: events.ScenarioFinished) -> Iterator[str]:
    for id_, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                node, answer = event.recorder.cases[id_], event.recorder.interactions.get(id_)
                status = answer.response.status_code if answer is not None and answer.response is not None else None
                said = answer.response.content[:300] if answer is not None and answer.response is not None else b""
                failure = check.failure_info.failure
                yield (
                    f"[{event.phase.value}] {check.name}: {failure.title}: {failure.message}\n"
                    f"    {node.value.as_curl_command()[:600]}\n    {status} {said!r}"
                )


def _nowhere(outcome: Outcome) -> Iterator[str]:
    """Why a walk that should have changed much proves little."""
    linked = +outcome.linked
    if linked.total() < FEWEST_LINKED or len(linked) < FEWEST_KINDS:
        yield f"[stateful] the sequences got nowhere: {linked.total()} changes through links, of {len(linked)} kinds"
    for method in ("PUT", "PATCH", "DELETE"):
        if not any(name.startswith(method) for name in linked):
            yield f"[stateful] no {method} followed a link and was done"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--examples", type=int, default=10)
    parser.add_argument("--others", type=int, help="examples of the other two; as many as an admin has if not said")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--only", choices=["admin", "auditor", "nobody"])
    said = parser.parse_args(arguments)
    _quote_tags()
    steering.hook()
    failed = 0
    with tempfile.TemporaryDirectory() as folder, deployed(Path(folder) / "data", PLENTY) as deployment:
        deployment.furnish()
        deployment.ask("POST", "/secrets", {"name": "orders-key", "upstream": "orders", "value": "sk_live_0123456789"})
        deployment.issue()
        deployment.join("kim", "auditor")
        walks: dict[str, Callable[[], str] | None] = {
            "admin": Identity(deployment, "ada").token,
            "auditor": Identity(deployment, "kim").token,
            "nobody": None,
        }
        for who, token in walks.items():
            if said.only in {None, who}:
                fewer = who != "admin" and said.others is not None
                outcome = walk(
                    deployment,
                    who,
                    token,
                    said.seed,
                    max(1, said.others) if fewer else said.examples,
                    coverage=not fewer or said.others > 0,
                )
                if who == "admin":
                    outcome.failures += _nowhere(outcome)
                failed += len(outcome.failures)
                print(f"{who}: {sum(outcome.answers.values())} answers {dict(sorted(outcome.answers.items()))}")  # noqa: T201
                for phase, counted in outcome.phases.items():
                    print(f"    {phase}: {dict(sorted(counted.items()))}")  # noqa: T201
                print(f"    changes: {sum(outcome.changes.values())}, by links: {dict(+outcome.linked)}")  # noqa: T201
                for failure in outcome.failures:
                    print(f"  {failure}")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
