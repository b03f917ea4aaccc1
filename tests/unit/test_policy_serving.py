"""The pack as processes: it ends with whoever asks it, and one that is loaded already can be asked instead."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2_grpc

from policy.registration import policies
from tests.e2e.waiting import eventually
from tests.processes import runs
from tests.stacks import ROOT

PROGRAM = ROOT / "policy" / "pulumi-analyzer-bulkhead"

ENGINE = f"""
import subprocess, sys, time
pack = subprocess.Popen(["{PROGRAM}", "127.0.0.1:0"], stdout=subprocess.PIPE)
print(pack.pid, int(pack.stdout.readline()), flush=True)
time.sleep(60)
"""
"""What starts the pack as the engine does, says which process it is and on which port, and goes on."""

PREVIEW = f"""
import json, subprocess
from bulkhead.diff.judge import served
with served() as variables:
    variables = {{"PATH": "/usr/bin:/bin", **variables}}
    pack = subprocess.Popen(["{PROGRAM}", "127.0.0.1:0"], stdout=subprocess.PIPE, env=variables)
    print(int(pack.stdout.readline()), flush=True)
    input()
print(json.dumps({{"ended": pack.wait(10), "pipe": variables["BULKHEAD_PACK"]}}))
"""


def rules_at(port: int) -> int:
    """How many policies the pack on a port has."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = analyzer_pb2_grpc.AnalyzerStub(channel)
        return len(stub.GetAnalyzerInfo(empty_pb2.Empty(), timeout=10).policies)


def test_the_pack_ends_with_an_engine_that_was_killed() -> None:
    engine = subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert engine.stdout
    pack, port = map(int, engine.stdout.readline().split())
    assert rules_at(port) == len(policies())
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait(10)
    engine.stdout.close()
    eventually(lambda: not runs(pack), "the pack's process has ended", 15)


def test_a_pack_that_is_loaded_already_is_asked_and_ends_with_its_preview() -> None:
    preview = subprocess.Popen(
        [sys.executable, "-c", PREVIEW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert preview.stdout
    port = int(preview.stdout.readline())
    assert rules_at(port) == len(policies())
    out, _ = preview.communicate("\n", timeout=20)
    found = json.loads(out)
    assert found["ended"] == 0, "the program that the engine started ends with the pack"
    assert not Path(found["pipe"]).parent.exists()
    with pytest.raises(grpc.RpcError):
        rules_at(port)
