"""Benchmarks' processes that take steps when they are told to, and speak in lines of JSON: both ends of it.

Each line "step" on their standard input runs a step. Events come back on standard output: "ready" once the next thing
is the first step, "step" with its seconds, and "end"; each has the peak resident memory.
"""

import contextlib
import json
import resource
import subprocess
import sys
import threading
import time


class ProcessFailed(SystemExit):
    """A process ended early, or computed nonsense; uncaught, this ends the script with its text."""


class TooSlow(ProcessFailed):
    """A step took longer than whoever asked for it would wait; the process was ended."""


class DrivenProcess:
    """The driver's end. As a context, the process ends with it."""

    def __init__(self, command, environment=None):
        begun = time.perf_counter()
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.ready = self.event()
        self.seconds_to_ready = time.perf_counter() - begun

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def event(self):
        for line in self.process.stdout:
            if line.startswith("{"):  # a peer's libraries may say something, too
                return json.loads(line)
        status = self.process.wait()
        raise ProcessFailed(f"expected an event of {' '.join(self.command)}, got its end with status {status}")

    def step(self):
        """One step; its event."""
        with contextlib.suppress(BrokenPipeError):  # event() tells of the end
            self.process.stdin.write("step\n")
            self.process.stdin.flush()
        return self.event()

    def seconds(self, patience=None):
        """One step of finite results; its seconds. More than `patience` seconds are a TooSlow."""
        lost = threading.Event()
        timer = threading.Timer(patience or 0, lambda: (lost.set(), self.process.kill()))
        if patience:
            timer.start()
        try:
            event = self.step()
        except ProcessFailed as error:
            raise TooSlow(f"gave up after {patience:.0f} s: {' '.join(self.command)}") if lost.is_set() else error
        finally:
            timer.cancel()
        if not event["finite"]:
            raise ProcessFailed(f"expected finite values of {' '.join(self.command)}, got NaN or infinity")
        return event["seconds"]

    def end(self):
        """Ends the process; its peak resident memory in GB."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        event = self.event()
        self.process.wait()
        return event["peak_resident_gb"]


def tell(**event):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(json.dumps({**event, "peak_resident_gb": peak}), flush=True)


def serve(step, describe, **ready):
    """The process's end: `step` is timed, and `describe` makes of its result what its event tells."""
    tell(event="ready", **ready)
    for _ in sys.stdin:
        begun = time.perf_counter()
        result = step()
        seconds = time.perf_counter() - begun
        tell(event="step", seconds=seconds, **describe(result))
    tell(event="end")
