"""The demonstration on a terminal: progress while it runs, the report at the end."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.status import Status

from node.output import Output
from protocol.errors import ConfigInvalid
from skein import demo
from skein.commands import keep_alive, until_interrupted
from skein.localnet import Localnet

COOLDOWN_SECONDS = 10


class Screen:
    """Sentences as they come, on standard error; on a terminal with a line below that tells what is going on."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._console = Console(stderr=True, highlight=False)
        self._status: Status | None = None
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()

    def say(self, what: str) -> None:
        """What this program does now."""
        if self._status:
            self._status.update(f"{what} …")
        else:
            self._print(what)

    def tell(self, block: int, sentence: str) -> None:
        """What happened on the chain."""
        self._print(f"block {block:>4}  {sentence}")

    def _print(self, text: str) -> None:
        self._console.print(f"{time.monotonic() - self._started:6.1f} s  {text}", markup=False, soft_wrap=True)

    def close(self) -> None:
        if self._status:
            self._status.stop()


def perform(directory: Path, keep: bool, as_json: bool, before: float = 0.0) -> None:
    """Run it, show what came out, raise DemoFailed if that is not what must. `before`: seconds that already count."""
    if directory.exists() and any(directory.iterdir()):
        raise ConfigInvalid(f"{directory} is not empty: the demonstration needs a directory of its own.")
    started = time.monotonic() - before
    screen = Screen(started)
    with ExitStack() as stack:
        stack.callback(screen.close)
        preparing = stack.enter_context(ThreadPoolExecutor(1)).submit(demo.prepare_tasks, stack)
        network = Localnet(directory, cooldown_seconds=COOLDOWN_SECONDS, say=screen.say, starts_clock=False)
        stack.enter_context(network)
        result = demo.run(network, preparing, screen.say, screen.tell, started)
        screen.close()
        output = Output(as_json)
        if as_json:
            output.line(json.dumps(result.document(), indent=2))
        else:
            result.show(output)
            output.line("")
            output.line(f"From the start to the first reward: {result.first_reward_seconds:.0f} s.")
            output.line(f"Everything: {result.seconds:.0f} s. API: {result.api_url}{'' if keep else ' (use --keep)'}")
        if failures := result.failures():
            raise demo.DemoFailed(" ".join(failures))
        if keep:
            with until_interrupted():
                for line in network.describe():
                    output.line(line)
                keep_alive(network)
