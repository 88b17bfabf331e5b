"""One supervised child process: started, probed, stopped in order, and never orphaned."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from schemas.errors import EmbeddedServiceError
from streams.embedded import logfile
from streams.embedded.pidfile import PidFile

logger = logging.getLogger(__name__)

Probe = Callable[[], Awaitable[bool]]

_POLL_SECONDS = 0.02
_KILL_SECONDS = 5.0

# Runs in the child before the real program: the kernel shall kill it the moment its parent is gone, however the
# parent died. A launcher instead of `preexec_fn`, which may deadlock in a program with threads.
_LAUNCHER = """
import os, signal, sys
if sys.platform == "linux":
    import ctypes
    PR_SET_PDEATHSIG = 1
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        sys.exit("prctl: " + os.strerror(ctypes.get_errno()))
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent is gone already")
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as refused:
    sys.exit(f"cannot run {sys.argv[2]}: {refused.strerror}")
"""


class ChildProcess:
    """A local server that lives and dies with this process.

    Start it from a thread that lives as long as this process does (the main thread): Linux counts the end of the
    starting thread as the death of the parent. It is not bound to an event loop.

    Args:
        name: Names the pid file and the log file, and the process in messages.
        argv: The program and its arguments.
        data_dir: Where `<name>.pid` and `<name>.log` go; created when missing.
        ready: Whether the server answers; called again and again until it says yes.
        env: The whole environment of the child; this process's own when None.
        start_timeout: Seconds until it must be ready.
        stop_timeout: Seconds between SIGTERM and SIGKILL.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        data_dir: Path,
        ready: Probe,
        env: Mapping[str, str] | None = None,
        start_timeout: float = 30.0,
        stop_timeout: float = 15.0,
    ) -> None:
        self.name = name
        self.log_path = data_dir.absolute() / f"{name}.log"
        self._argv = tuple(argv)
        self._data_dir = data_dir.absolute()
        self._ready = ready
        self._env = env
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._pid_file = PidFile(_pid_path(name, self._data_dir))
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Pid of the process that was started last."""
        return None if self._popen is None else self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Exit code of the process, negative when a signal ended it; None while it runs or was never started."""
        return None if self._popen is None else self._popen.poll()

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            EmbeddedServiceError: It runs already, died, or was not ready in time; it is gone then.
        """
        if self.alive:
            raise EmbeddedServiceError(f"{self.name} runs already (pid {self.pid})")
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        end_orphan(self.name, self._data_dir)
        logfile.rotate(self.log_path)
        self._spawn()
        try:
            await self._until_ready()
        except BaseException:
            await self.stop(patience=0.0)
            raise
        logger.info("started", extra={"service": self.name, "pid": self.pid})

    async def stop(self, patience: float | None = None) -> int | None:
        """Ask the process to end, kill it when it does not, and wait until it is gone.

        Args:
            patience: Seconds between SIGTERM and SIGKILL, instead of the configured ones.

        Returns:
            Its exit code; None when it was never started.

        Raises:
            EmbeddedServiceError: Not even SIGKILL ended it.
        """
        if self._popen is None:
            return None
        if self.alive:
            await self._end(self._popen, self._stop_timeout if patience is None else patience)
        self._pid_file.remove()
        return self._popen.returncode

    def check(self) -> None:
        """Raise EmbeddedServiceError when the process is not running, with its last words."""
        if not self.alive:
            raise EmbeddedServiceError(self.obituary())

    def obituary(self) -> str:
        """Say how the process ended, with the last lines of its log."""
        code = self.exit_code
        if code is None:
            how = f"{self.name} is not started"
        elif code < 0:
            how = f"{self.name} (pid {self.pid}) was ended by {signal.Signals(-code).name}"
        else:
            how = f"{self.name} (pid {self.pid}) exited with code {code}"
        return how + self._last_words()

    def rotate_log(self) -> None:
        """Keep the log below its limit; to be called now and then."""
        logfile.rotate(self.log_path)

    def _spawn(self) -> None:
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
        with self.log_path.open("ab") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - no shell; argv comes from our own code
                [*launcher, *self._argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if self._env is None else dict(self._env),
                cwd=self._data_dir,
                start_new_session=True,  # Ctrl-C in the terminal is for us alone: we stop the children in order
            )
        self._pid_file.write(self._popen.pid)

    async def _until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + self._start_timeout
        try:
            async with asyncio.timeout_at(deadline):
                while not await self._ready():
                    self.check()
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise EmbeddedServiceError(
                f"{self.name} (pid {self.pid}) was not ready after {self._start_timeout:g} s" + self._last_words()
            ) from None
        self.check()  # a stranger on the same port may have answered for a process that is dead

    async def _end(self, popen: subprocess.Popen[bytes], patience: float) -> None:
        for how, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, _KILL_SECONDS)):
            if seconds <= 0:
                continue
            os.killpg(popen.pid, how)
            if await _gone(popen, seconds):
                return
            logger.info("does not end", extra={"service": self.name, "pid": popen.pid, "despite": how.name})
        raise EmbeddedServiceError(f"{self.name} (pid {popen.pid}) survived SIGKILL for {_KILL_SECONDS:g} s")

    def _last_words(self) -> str:
        lines = logfile.last_lines(self.log_path)
        return f"; {self.log_path} ends with:\n{lines}" if lines else f"; {self.log_path} is empty"


def end_orphan(name: str, data_dir: Path) -> None:
    """Kill the child of that name which a crashed parent left behind on the folder, if there is one.

    Raises:
        EmbeddedServiceError: Its parent lives, so it is no orphan.
    """
    PidFile(_pid_path(name, data_dir.absolute())).end_orphan(name)


def _pid_path(name: str, data_dir: Path) -> Path:
    return data_dir / f"{name}.pid"


async def _gone(popen: subprocess.Popen[bytes], seconds: float) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds
    while popen.poll() is None:
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True
