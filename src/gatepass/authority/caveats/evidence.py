"""Caveats that look at what is proven: the run, the key, the evidence, the approval, the purpose, the duty to log.

The law: what is not proven vetoes. In a listing an approval counts as given, because it still could be; what was
verified of the caller, and what this verifier honours, is the same when it calls as when it lists.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from gatepass.access import Access, Json, PartialAccess, RunId, Veto
from gatepass.authority.caveats.kinds import Attempt, Caveat, check_texts, listed, text, texts, vetoed

__all__ = ["APPROVAL", "Approved", "Attested", "Log", "Purpose", "Run", "SubjectKey"]


APPROVAL: Final = "approval_unavailable"
"""The code of the one veto that a person can still lift."""


@dataclass(frozen=True, slots=True)
class Run:
    """Vetoes outside the run `run`."""

    number: ClassVar[int] = 6
    run: RunId

    def __post_init__(self) -> None:
        """Raise `Malformed` for a text that is not an id."""
        check_texts((self.run,), "run")

    def veto(self, access: Attempt) -> Veto | None:
        """Say that it is another run."""
        return None if access.subject.run == self.run else vetoed("it is for another run")

    def may_hold(self, partial: PartialAccess) -> bool:
        """An unknown run may be the right one."""
        return partial.subject.run is None or self.veto(partial) is None

    def implies(self, other: Caveat) -> bool:
        """The same run."""
        return self == other

    def fields(self) -> tuple[Json, ...]:
        """`[run]`."""
        return (self.run,)

    @classmethod
    def read(cls, run: Json) -> Self:
        """Undo `fields`."""
        return cls(RunId(text(run, "run")))


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """Vetoes unless the caller proved possession of the key with this RFC 7638 thumbprint."""

    number: ClassVar[int] = 7
    thumbprint: str

    def __post_init__(self) -> None:
        """Raise `Malformed` for a text that is not a thumbprint."""
        check_texts((self.thumbprint,), "subject key")

    def veto(self, access: Attempt) -> Veto | None:
        """Say that the proof is of another key, or missing."""
        return (
            None if access.context.proof_key == self.thumbprint else vetoed("it is bound to a key that was not proven")
        )

    def may_hold(self, partial: PartialAccess) -> bool:
        """A proof that was not asked for yet may come."""
        return partial.context.proof_key is None or self.veto(partial) is None

    def implies(self, other: Caveat) -> bool:
        """The same key."""
        return self == other

    def fields(self) -> tuple[Json, ...]:
        """`[thumbprint]`."""
        return (self.thumbprint,)

    @classmethod
    def read(cls, thumbprint: Json) -> Self:
        """Undo `fields`."""
        return cls(text(thumbprint, "subject key"))


@dataclass(frozen=True, slots=True)
class Attested:
    """Vetoes unless at least this evidence was verified for the caller."""

    number: ClassVar[int] = 8
    evidence: frozenset[str]

    def __post_init__(self) -> None:
        """Raise `Malformed` for an empty list."""
        check_texts(self.evidence, "evidence")

    def veto(self, access: Attempt) -> Veto | None:
        """Name the evidence that is missing."""
        missing = sorted(self.evidence - access.context.attested)
        return vetoed(f"the evidence `{missing[0]}` is missing") if missing else None

    def may_hold(self, partial: PartialAccess) -> bool:
        """What was verified of the caller is known when it lists, and is the same when it calls."""
        return self.veto(partial) is None

    def implies(self, other: Caveat) -> bool:
        """More evidence."""
        return isinstance(other, Attested) and self.evidence >= other.evidence

    def fields(self) -> tuple[Json, ...]:
        """`[[name, ...]]`, sorted."""
        return (listed(self.evidence),)

    @classmethod
    def read(cls, evidence: Json) -> Self:
        """Undo `fields`."""
        return cls(texts(evidence, "evidence"))


@dataclass(frozen=True, slots=True)
class Approved:
    """Vetoes until exactly this call is approved: by one of `by`, or by anybody who may approve when `by` is None."""

    number: ClassVar[int] = 9
    by: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Raise `Malformed` for an empty list, which would look like anybody and mean nobody."""
        if self.by is not None:
            check_texts(self.by, "approvers")

    def veto(self, access: Access) -> Veto | None:
        """Say that the approval is missing."""
        given = access.context.approved_by if self.by is None else self.by & access.context.approved_by
        return None if given else vetoed("it needs a person's approval", APPROVAL)

    def may_hold(self, _partial: PartialAccess) -> bool:
        """An approval may come."""
        return True

    def implies(self, other: Caveat) -> bool:
        """Fewer approvers."""
        return isinstance(other, Approved) and (other.by is None or (self.by is not None and self.by <= other.by))

    def fields(self) -> tuple[Json, ...]:
        """`[[person, ...]]`, sorted, or `[null]`."""
        return (None if self.by is None else listed(self.by),)

    @classmethod
    def read(cls, by: Json) -> Self:
        """Undo `fields`."""
        return cls(None if by is None else texts(by, "approvers"))


@dataclass(frozen=True, slots=True)
class Purpose:
    """Vetoes unless the purpose fixed at issuance is one of `purposes`. What a caller claims is not looked at."""

    number: ClassVar[int] = 10
    purposes: frozenset[str]

    def __post_init__(self) -> None:
        """Raise `Malformed` for an empty list."""
        check_texts(self.purposes, "purposes")

    def veto(self, access: Attempt) -> Veto | None:
        """Say that the purpose is another."""
        return None if access.context.purpose in self.purposes else vetoed("it is for another purpose")

    def may_hold(self, partial: PartialAccess) -> bool:
        """An unknown purpose may be the right one."""
        return partial.context.purpose is None or self.veto(partial) is None

    def implies(self, other: Caveat) -> bool:
        """Fewer purposes."""
        return isinstance(other, Purpose) and self.purposes <= other.purposes

    def fields(self) -> tuple[Json, ...]:
        """`[[purpose, ...]]`, sorted."""
        return (listed(self.purposes),)

    @classmethod
    def read(cls, purposes: Json) -> Self:
        """Undo `fields`."""
        return cls(texts(purposes, "purposes"))


@dataclass(frozen=True, slots=True)
class Log:
    """An obligation of whoever enforces: vetoes where it is not known how to honour it."""

    number: ClassVar[int] = 11
    obligation: str = "log"

    def __post_init__(self) -> None:
        """Raise `Malformed` for a text that is no name."""
        check_texts((self.obligation,), "obligation")

    def veto(self, access: Attempt) -> Veto | None:
        """Say that the obligation is not known here."""
        return (
            None
            if self.obligation in access.context.honoured
            else vetoed(f"the obligation `{self.obligation}` is not known here")
        )

    def may_hold(self, partial: PartialAccess) -> bool:
        """What is honoured here does not change between listing and calling."""
        return self.veto(partial) is None

    def implies(self, other: Caveat) -> bool:
        """The same obligation."""
        return self == other

    def fields(self) -> tuple[Json, ...]:
        """`[obligation]`."""
        return (self.obligation,)

    @classmethod
    def read(cls, obligation: Json) -> Self:
        """Undo `fields`."""
        return cls(text(obligation, "obligation"))
