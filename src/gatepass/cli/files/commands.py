"""`gatepass apply`, `gatepass export` and `gatepass schema`: configuration kept as files.

The server makes the plan and does it; nothing here decides. Exit codes: 0 done, nothing to do, or a dry run; 1
refused, or with --check a difference; 2 usage, and that includes a plan that nobody could be asked about.
"""

from importlib.resources import files as resources
from pathlib import Path
from typing import Final

import click

from gatepass.cli.connection import talking
from gatepass.cli.files.folder import read_folder, write_folder
from gatepass.cli.files.rendering import faults_of, show_plan, summary
from gatepass.cli.terminal.output import Item, Output
from gatepass.cli.terminal.prompts import confirm
from gatepass.client import Management
from gatepass.errors import Malformed

__all__ = ["apply", "export", "schema"]

FOLDER: Final = Path("gatepass.d")
_KINDS: Final = ("agent", "role", "upstream", "operations")

_folder = click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=FOLDER)


@click.command()
@_folder
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--check", is_flag=True, help="The same, and exit 1 if there is anything to do.")
@click.option("--prune", is_flag=True, help="Remove what is managed by files and in none of them any more.")
@click.option("--release", is_flag=True, help="Hand that back instead, to be managed by hand.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@talking
@click.pass_context
def apply(
    context: click.Context,
    /,
    api: Management,
    output: Output,
    *,
    folder: Path,
    dry_run: bool,
    check: bool,
    prune: bool,
    release: bool,
    yes: bool,
) -> None:
    """Make agents, roles and upstreams what the files in FOLDER say.

    FOLDER is gatepass.d unless named. What would be done is shown first, and done whole or not at all.
    """
    if prune and release:
        raise click.UsageError("--prune and --release exclude each other")
    missing = "remove" if prune else "release" if release else "leave"
    files = read_folder(folder)
    plan = api.plan_configuration(files, missing)
    _refuse(output, plan, folder)
    _show(api, output, plan, files)
    if not plan.get("changes") or dry_run or check:
        if output.as_json:
            output.json({**plan, "applied": False})
        context.exit(int(check and bool(plan.get("changes"))))
    confirm("Do this?", yes=yes)
    done = api.apply_configuration(files, missing, str(plan.get("fingerprint")))
    if output.as_json:
        output.json({**done, "applied": True})
    output.note(summary(done, done=True))


@click.command()
@_folder
@click.option("--managed", is_flag=True, help="Only what is managed by files already.")
@click.option("--force", is_flag=True, help="Overwrite files that say something else. Their comments are lost.")
@talking
def export(api: Management, output: Output, /, *, folder: Path, managed: bool, force: bool) -> None:
    """Write agents, roles and upstreams as files into FOLDER.

    FOLDER is gatepass.d unless named. Secrets, tokens and people are in no file.
    """
    said = api.export_configuration(managed=managed)
    written = write_folder(folder, {**said, **_schemas()}, force=force)
    if output.as_json:
        output.json({"folder": str(folder), "files": tuple(sorted(said)), "written": tuple(sorted(written))})
    for path in sorted(set(written) & set(said)):
        output.note(f"wrote {folder / path}")
    output.note(f"{len(said)} files in {folder} say what there is. Change them, then: gatepass apply {folder}")


@click.command()
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--json", "as_json", is_flag=True, help="The same: a schema is JSON.")
def schema(kind: str, *, as_json: bool) -> None:  # noqa: ARG001  every command takes it
    """Print the JSON schema of files, for editors: of an agent's, a role's, an upstream's, or of operations."""
    click.echo(_schemas()[f".schemas/{kind}.json"], nl=False)


def _refuse(output: Output, plan: Item, folder: Path) -> None:
    """Stop at files with faults, all of which are named."""
    faults = faults_of(plan)
    if not faults:
        return
    if output.as_json:
        output.json({**plan, "applied": False})
    output.note(*faults)
    raise Malformed("malformed_configuration", f"{_counted(faults)} in the files of `{folder}`; nothing was done")


def _counted(faults: list[str]) -> str:
    return "1 fault" if len(faults) == 1 else f"{len(faults)} faults"


def _show(api: Management, output: Output, plan: Item, files: dict[str, str]) -> None:
    def texts(upstream: str) -> tuple[str, str]:
        before = api.one("upstreams", upstream).get("operations")
        return before if isinstance(before, str) else "", files.get(f"operations/{upstream}.yaml", "")

    if output.as_json:
        return
    show_plan(output, plan, texts)
    if plan.get("changes"):
        output.line(summary(plan, done=False))
        if plan.get("widens"):
            output.note("It gives more than there was: it needs somebody who has just signed in.")
    else:
        output.note("Nothing to do: what there is is what the files say.")


def _schemas() -> dict[str, str]:
    """The schemas that this version ships, by where they go in a folder."""
    there = resources("gatepass.cli.files").joinpath("schemas")
    return {f".schemas/{kind}.json": there.joinpath(f"{kind}.json").read_text("utf-8") for kind in _KINDS}
