"""The runner itself: what it takes for equal, and that it notices what is not."""

from pathlib import Path

import pytest
from tests.cli.deployment import environment
from tests.cli.transcript import Shell, Step, matches, read_steps

TEXT = """\
Prose that is not a command.

$ echo hello
hello

More prose.
$ false
[1]
$ printf '%s\\n' \\
> a b
a
b
"""


def test_a_transcript_is_read_as_a_person_reads_it() -> None:
    assert read_steps(TEXT) == [
        Step(3, "echo hello", ("hello",), 0),
        Step(7, "false", (), 1),
        Step(9, "printf '%s\\n' \\\na b", ("a", "b"), 0),
    ]


@pytest.mark.parametrize(
    ("expected", "seen", "same"),
    [
        (("a",), ["a"], True),
        (("a",), ["b"], False),
        (("a",), ["a", "b"], False),
        (("a", "b"), ["a"], False),
        ((), [], True),
        ((), ["a"], False),
        (("id [..] end",), ["id crd_1 end"], True),
        (("id [..] end",), ["id crd_1", "end"], False),
        (("a.b",), ["axb"], False),
        (("a", "[...]", "z"), ["a", "b", "c", "z"], True),
        (("a", "[...]", "z"), ["a", "z"], True),
        (("a", "[...]", "z"), ["a", "b"], False),
    ],
)
def test_wildcards(expected: tuple[str, ...], seen: list[str], same: bool) -> None:  # noqa: FBT001 - a table
    assert matches(expected, seen) is same


def test_one_shell_remembers_and_both_streams_are_seen(tmp_path: Path) -> None:
    with Shell(tmp_path, environment(tmp_path)) as shell:
        assert shell.run("export X=1; echo to-stdout; echo to-stderr >&2") == (["to-stdout", "to-stderr"], 0)
        assert shell.run('echo "$X"; exit_code() { return 7; }; exit_code') == (["1"], 7)
        assert shell.run("cat") == ([], 0)
