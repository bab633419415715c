"""An admin who lost their password, and whom nobody else can give a code: a new one, set on the server's machine.

Whoever can open the data folder while nothing serves from it already holds everything that is in it, so nothing is
given away here that they lack. What this adds is the record: the entry in the journal says that it was done, by which
user of the system, and how many sessions it ended. While a server runs the folder is locked, and an admin gives a code.
"""

import asyncio
import os
from dataclasses import replace

from gatepass.administration import Record
from gatepass.audit import Entry
from gatepass.credentials import TokenKind, refusal, revoke
from gatepass.errors import Conflict, NotFound
from gatepass.keys import hash_password
from gatepass.registry import OperatorRole, Person
from gatepass.server.embedded import now, user_name
from gatepass.settings import Settings
from gatepass.storage.folder import DataFolder
from gatepass.storage.sqlite import Database
from gatepass.storage.sqlite.database import DATABASE

__all__ = ["recover"]


def recover(settings: Settings, name: str, password: str) -> int:
    """Give the admin `name` this password and end their sessions. Returns how many ended.

    Raises `Conflict` (`folder_in_use`) while a server runs, `NotFound`, and `Malformed` for a password that is none.
    """
    return asyncio.run(_recover(settings, name, password))


async def _recover(settings: Settings, name: str, password: str) -> int:
    if not (settings.data / DATABASE).exists():
        message = f"there is no deployment in `{settings.data}`"
        raise NotFound("not_found", message, hint="Name its data folder with --data, or GATEPASS_HOME.")
    with DataFolder.open(settings.data) as folder:
        database = await Database.open(folder, clock=now)
        try:
            return await _set(database, name, password)
        finally:
            await database.close()


async def _set(database: Database, name: str, password: str) -> int:
    records, at = await database.store.load(), now()
    person = _admin(records.people, name)
    hash_ = await asyncio.to_thread(hash_password, password, os.urandom)
    because = "its person's password was recovered on the server's machine"
    sessions = [
        revoke(token, at=at, because=because)
        for token in records.tokens
        if token.kind is TokenKind.SESSION and token.owner == person.id and refusal(token, at) is None
    ]
    details = {"name": person.name, "by": user_name(), "sessions": str(len(sessions))}
    entries = [Entry(at=at, event="password.recovered", actor="system", subject=person.id, details=details)]
    for session in sessions:
        told = Entry(at=at, event="token.revoked", actor="system", subject=session.id, details={"because": because})
        entries.append(told.amended(credential=session.id, owner=person.id))
    puts: list[Record] = [replace(person, password_hash=hash_), *sessions]
    await database.store.commit(puts=puts, entries=entries)
    return len(sessions)


def _admin(people: tuple[Person, ...], name: str) -> Person:
    person = next((person for person in people if person.name == name), None)
    if person is None:
        admins = [f"`{each.name}`" for each in people if each.operator is OperatorRole.ADMIN and each.disabled is None]
        raise NotFound("not_found", f"there is no person `{name}`", hint=f"The admins are {', '.join(admins)}.")
    if person.operator is not OperatorRole.ADMIN or person.disabled is not None:
        hint = "An admin gives others a code: gatepass person code."
        raise Conflict("conflict", f"`{name}` is no admin who can sign in", hint=hint)
    return person
