"""An rtl_tcp server made for tests: a tone on air, and faults on request."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

import numpy as np

COMMAND = struct.Struct(">BI")


@dataclass
class Plan:
    """What the server does.

    ``noise`` is its standard deviation in codes. ``paced`` sends as fast as the rate
    says, else as fast as the client takes it. ``gaps`` maps a sample number to samples
    lost there. After ``silent_after`` samples nothing comes any more; after
    ``close_after`` it hangs up.
    """

    tone_hz: float = 1.0005e9
    noise: float = 0.0
    paced: bool = False
    gaps: dict[int, int] = field(default_factory=dict)
    silent_after: int | None = None
    close_after: int | None = None
    header: bytes = struct.pack(">4sII", b"RTL0", 5, 29)
    transfer: int = 8192


class Server:
    """Serves one client after the other on a loopback port."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.commands: list[tuple[int, int]] = []
        self._rate = 2_048_000
        self._center_hz = 100_000_000
        self._done = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def uri(self) -> str:
        return f"rtl_tcp://127.0.0.1:{self.port}"

    def value(self, number: int) -> int:
        """What the last command of this number said."""
        return [value for command, value in self.commands if command == number][-1]

    def close(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            client.settimeout(0.05)
            ended = threading.Event()
            reader = threading.Thread(target=self._obey, args=(client, ended), daemon=True)
            self._threads.append(reader)
            reader.start()
            with contextlib.suppress(OSError):
                self._stream(client, ended)
            ended.set()
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            reader.join(5)
            client.close()

    def _obey(self, client: socket.socket, ended: threading.Event) -> None:
        waiting = b""
        while not self._done.is_set():
            try:
                piece = client.recv(4096)
            except TimeoutError:
                if ended.is_set():
                    return
                continue
            except OSError:
                return
            if not piece:
                ended.set()
                return
            waiting += piece
            while len(waiting) >= COMMAND.size:
                number, value = COMMAND.unpack(waiting[: COMMAND.size])
                waiting = waiting[COMMAND.size :]
                self._apply(number, value)

    def _apply(self, number: int, value: int) -> None:
        self.commands.append((number, value))
        if number == 1:
            self._center_hz = value
        elif number == 2:
            self._rate = value

    def _stream(self, client: socket.socket, ended: threading.Event) -> None:
        plan = self.plan
        client.sendall(plan.header)
        began, sample, gaps = time.monotonic(), 0, dict(plan.gaps)
        rate = self._rate
        while not (self._done.is_set() or ended.is_set()):
            if rate != self._rate:  # a new rate starts a new time scale
                rate, began, sample = self._rate, time.monotonic(), 0
            due = [at for at in gaps if at <= sample]
            sample += sum(gaps.pop(at) for at in due)
            if plan.close_after is not None and sample >= plan.close_after:
                return
            if plan.silent_after is not None and sample >= plan.silent_after:
                self._done.wait(0.05)
                continue
            if plan.paced:
                wait_s = began + (sample + plan.transfer) / rate - time.monotonic()
                self._done.wait(max(wait_s, 0))
            self._send(client, self._samples(sample, rate), ended)
            sample += plan.transfer

    def _send(self, client: socket.socket, data: bytes, ended: threading.Event) -> None:
        view = memoryview(data)
        while view and not (self._done.is_set() or ended.is_set()):
            with contextlib.suppress(TimeoutError):
                view = view[client.send(view) :]

    def _samples(self, first: int, rate: int) -> bytes:
        """A tone at two thirds of full scale, as the tuner's centre shows it."""
        n = np.arange(first, first + self.plan.transfer)
        tone = np.exp(2j * np.pi * ((self.plan.tone_hz - self._center_hz) / rate * n % 1.0))
        flat = 85 * np.stack([tone.real, tone.imag], axis=1).ravel()
        flat += np.random.default_rng(first).normal(0, self.plan.noise, flat.size)
        return np.round(127.5 + flat).clip(0, 255).astype(np.uint8).tobytes()
