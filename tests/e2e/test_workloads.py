"""A workload whose issuer is somebody else's real one: node's `oidc-provider`, as its package comes."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest
from tests.e2e.strangers.node import NODE, NPM

from gatepass.access import AgentId, Instant
from gatepass.errors import Denied
from gatepass.issuer.workloads import ForeignKeys, OwnKeys, Proving, Trusted, Workloads
from gatepass.outbound import GuardedDoor
from gatepass.outbound.documents import DocumentFetcher
from gatepass.registry import TrustKind, TrustRule, TrustRuleId

FOLDER = Path(__file__).parent / "workloads" / "npm"
OURS = "https://gatepass.example"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("issuer") / "npm"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules"))
    install = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEPASS_", "NODE_"))}
    process = subprocess.Popen(
        [str(NODE), "issuer.mjs"], cwd=folder, env=kept, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()


def token(issuer: str, **headers: str) -> str:
    basic = base64.b64encode(b"svc-1:a-secret-of-a-test-client-0123456789").decode()
    sent = {"authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded", **headers}
    form = urlencode({"grant_type": "client_credentials", "resource": OURS})
    answer = httpx2.post(f"{issuer}/token", content=form, headers=sent, trust_env=False)
    return str(answer.json()["access_token"])


def test_a_real_providers_token_proves_its_workload_and_nothing_else_does(issuer: str) -> None:
    async def story() -> None:
        def clock() -> Instant:
            return Instant(time.time_ns() // 1_000_000)

        trusted, door = Trusted(frozenset({OURS})), GuardedDoor()
        said = {"kind": TrustKind.OIDC, "issuer": issuer, "conditions": ("sub=svc-1",), "agent": AgentId("agt_1")}
        trusted.put(TrustRule(id=TrustRuleId("tru_1"), name="provider", **said))  # type: ignore[arg-type]
        keys = ForeignKeys(DocumentFetcher(door).fetch, clock)
        workloads = Workloads(
            proving=Proving(trusted=trusted, keys=keys, clock=clock),
            own_keys=OwnKeys(trusted),
            issuer=OURS,
            token=f"{OURS}/oauth2/token",
            names=dict[str, AgentId]().get,
            clock=clock,
        )
        good = token(issuer)
        found = await workloads.granted(good, None, None)
        assert found.agent == "agt_1"
        assert json.loads(found.evidence["oidc"])["issuer"] == issuer
        head, body, signature = good.split(".")
        other = ("A" if signature[0] != "A" else "B") + signature[1:]
        # An access token (`at+jwt`) is for a resource: it is no assertion, whoever it is for.
        for wrong in (f"{head}.{body}.{other}", token(issuer, **{"x-plain": "1"})):
            with pytest.raises(Denied):
                await workloads.granted(wrong, None, None)
        await door.close()

    asyncio.run(story())
