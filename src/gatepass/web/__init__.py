"""HTTP: routes, status codes, problem documents."""

from gatepass.web.app import App, Surfaces
from gatepass.web.hosts import Hosts
from gatepass.web.management import build
from gatepass.web.problems import problem_of, status_of
from gatepass.web.serving import Bounds, loop_factory, serve

__all__ = ["App", "Bounds", "Hosts", "Surfaces", "build", "loop_factory", "problem_of", "serve", "status_of"]
