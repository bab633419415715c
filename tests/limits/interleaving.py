"""Runs code in the worst order that its awaits allow.

An `await` of something that is ready does not suspend, so a race behind it stays hidden until the day it is
not ready. `yielding` loads a module anew with every `await` in it (and every `async with` and `async for`) made a
real suspension, before and after; `at_once` runs many callers so, and lets a seed choose who goes on after each.
"""

import ast
import asyncio
import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeVar

__all__ = ["at_once", "pause", "yielding"]

T = TypeVar("T")

_MOST_TURNS = 3
_chance = random.Random(0)  # noqa: S311 - a schedule that a seed can repeat, not a secret


async def pause() -> None:
    """Give way to everybody else, a few times or not at all."""
    for _ in range(_chance.randrange(_MOST_TURNS + 1)):
        await asyncio.sleep(0)


async def _around(awaited: Awaitable[T]) -> T:
    await pause()
    result = await awaited
    await pause()
    return result


class _EveryAwait(ast.NodeTransformer):
    def visit_Await(self, node: ast.Await) -> ast.Await:
        self.generic_visit(node)
        called = ast.Call(ast.Name("__around__", ast.Load()), [node.value], [])
        return ast.copy_location(ast.Await(called), node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        self.generic_visit(node)
        return node

    def _paused(self, node: ast.AsyncWith | ast.AsyncFor) -> ast.stmt:
        self.generic_visit(node)
        gap = ast.Expr(ast.Await(ast.Call(ast.Name("__pause__", ast.Load()), [], [])))
        node.body = [gap, *node.body]
        return node

    visit_AsyncWith = _paused  # noqa: N815 - the name that `ast` calls
    visit_AsyncFor = _paused  # noqa: N815 - the name that `ast` calls


def yielding(module: ModuleType) -> ModuleType:
    """A second copy of `module` in which every await suspends. The first one is left alone."""
    path = Path(str(module.__file__))
    tree = ast.fix_missing_locations(_EveryAwait().visit(ast.parse(path.read_text(), str(path))))
    copy = ModuleType(f"{module.__name__}__yielding")
    copy.__dict__.update(__file__=str(path), __package__=module.__package__, __around__=_around, __pause__=pause)
    sys.modules[copy.__name__] = copy  # dataclasses look their module up by name
    try:
        exec(compile(tree, str(path), "exec"), copy.__dict__)  # noqa: S102 - our own source, transformed
    finally:
        del sys.modules[copy.__name__]
    return copy


def at_once(callers: Sequence[Callable[[], Awaitable[T]]], seed: int) -> list[T]:
    """Run every caller in one event loop, interleaved as `seed` says; their results, in the order given."""
    _chance.seed(seed)

    async def one(caller: Callable[[], Awaitable[T]]) -> T:
        await pause()
        return await caller()

    async def all_of_them() -> list[T]:
        return await asyncio.gather(*(one(caller) for caller in callers))

    return asyncio.run(all_of_them())
