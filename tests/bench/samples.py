"""Results made by hand, whose figures can be worked out in the head."""

from bench.reporting.results import Goal, Measured, Result, RowResult
from bench.reporting.statistics import How

CPU = Goal(number=5, what="hop against nginx", metric="cpu_us", subject="ours", beside="nginx", bound=12)
ADDED = Goal(
    number=7,
    what="latency over nginx",
    metric="p50_ms",
    subject="ours",
    beside="nginx",
    how=How.DIFFERENCE,
    bound=1,
    unit="ms",
)
FASTER = Goal(
    number=12, what="calls against a peer", metric="per_core", subject="ours", beside="peer", bound=100, at_most=False
)


def row(*ours: float, absent: dict[str, str] | None = None, name: str = "rest") -> RowResult:
    """nginx at 20 µs each round, ours at what is given; nobody else."""
    rounds = len(ours)
    return RowResult(
        name=name,
        title="REST hop",
        rounds=rounds,
        load_average=0.4,
        subjects=(
            Measured("nginx", "1.22", "one worker", 0.1, {"cpu_us": [20.0] * rounds, "p50_ms": [0.1] * rounds}),
            Measured("ours", "0.1", "everything on", 1.0, {"cpu_us": list(ours), "p50_ms": [0.6] * rounds}),
        ),
        goals=(CPU, ADDED, FASTER),
        shows={"cpu_us": "CPU µs", "p50_ms": "p50 ms"},
        floor="nginx",
        absent=absent or {},
        facts={"permissions": "20"},
    )


def result(*rows: RowResult, commit: str = "abc1234") -> Result:
    machine = {"commit": commit, "date": "2026-11-22", "cpu": "some", "cores": 2, "kernel": "Linux", "python": "3.11"}
    disk = {"device": "/dev/vda", "filesystem": "ext4", "fdatasync_ms": 0.15}
    return Result(machine, disk, {"what was on": "everything"}, list(rows))
