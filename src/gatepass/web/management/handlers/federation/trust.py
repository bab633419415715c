"""Trust rules, and what they would say."""

from collections.abc import Mapping
from typing import Final

from gatepass.administration import Act
from gatepass.errors import Malformed
from gatepass.web.management.answers import shapes
from gatepass.web.management.answers.trust import trust_rule, trust_trials
from gatepass.web.management.calls import Answer, Call, Operation
from gatepass.web.management.forms import ListQuery
from gatepass.web.management.handlers.federation.forms import LARGEST_RULE, TrustRuleForm, TrustTrialForm
from gatepass.web.management.handlers.pages import page_of

__all__ = ["OPERATIONS"]


async def list_trust_rules(call: Call) -> Answer:
    """All trust rules."""
    rules = await call.administration.trust.rules.list(call.operator)
    return page_of(rules, call.query, lambda rule: rule.id, lambda rule: trust_rule(call.administration, rule))


async def get_trust_rule(call: Call) -> Answer:
    """One trust rule, with what is unwise about it."""
    found = await call.administration.trust.rules.get(call.operator, call.ref)
    return Answer(shown=trust_rule(call.administration, found))


async def put_trust_rule(call: Call) -> Answer:
    """Make a trust rule what is said here."""
    form: TrustRuleForm = call.form
    made = await call.administration.trust.rules.put(call.operator, call.ref, form.form())
    return Answer(shown=trust_rule(call.administration, made))


async def delete_trust_rule(call: Call) -> Answer:
    """Believe nobody under a trust rule any more."""
    await call.administration.trust.rules.delete(call.operator, call.ref)
    return Answer(204)


async def try_trust(call: Call) -> Answer:
    """What each trust rule would say to a token or to claims, and why."""
    form: TrustTrialForm = call.form
    trials = call.administration.trust.trials
    if (form.token is None) == (form.claims is None):
        raise Malformed("malformed_request", "expected `token` or `claims`, not both")
    if form.token is not None:
        found = await trials.token(call.operator, form.token.get_secret_value(), form.rule)
    else:
        claims = call.exact.get("claims") if isinstance(call.exact, Mapping) else None
        found = await trials.claims(call.operator, claims if isinstance(claims, Mapping) else {}, form.rule)
    return Answer(shown=trust_trials(call.administration, found))


def _rule(call: Call) -> shapes.TrustRule:
    return trust_rule(call.administration, call.administration.desk.register.trust_rule(call.ref))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/trust-rules",
        handle=list_trust_rules,
        query=ListQuery,
        acts=(Act.READ,),
        answer=shapes.Page[shapes.TrustRule],
    ),
    Operation(
        method="GET", path="/trust-rules/{ref}", handle=get_trust_rule, acts=(Act.READ,), answer=shapes.TrustRule
    ),
    Operation(
        method="PUT",
        path="/trust-rules/{ref}",
        handle=put_trust_rule,
        body=TrustRuleForm,
        largest=LARGEST_RULE,
        acts=(Act.SET_TRUST,),
        answer=shapes.TrustRule,
        current=_rule,
        codes=("malformed_trust_rule", "conflict", "managed_by_files"),
    ),
    Operation(
        method="DELETE",
        path="/trust-rules/{ref}",
        handle=delete_trust_rule,
        acts=(Act.DELETE_TRUST,),
        status=204,
        current=_rule,
        codes=("managed_by_files",),
    ),
    Operation(
        method="POST",
        path="/trust-trials",
        handle=try_trust,
        body=TrustTrialForm,
        exact=True,
        acts=(Act.READ,),
        answer=shapes.TrustTrials,
        codes=("malformed_jws", "not_found"),
    ),
)
