"""What a run stands on: the machine, its cores, its disk, and the processes that are measured and always ended."""

from bench.stage.cores import Cores
from bench.stage.machine import Disk, Machine
from bench.stage.processes import Failed, Started, free_port, line_of, start, until

__all__ = ["Cores", "Disk", "Failed", "Machine", "Started", "free_port", "line_of", "start", "until"]
