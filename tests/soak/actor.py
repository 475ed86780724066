"""Actor: somebody who does something again and again until the soak is over."""

import random
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.soak.evidence import Evidence
from tests.stack import Stack


@dataclass
class Run:
    """What all actors share. `over`: nobody begins anything any more."""

    stack: Stack
    evidence: Evidence
    seed: int
    over: threading.Event = field(default_factory=threading.Event)
    rested: float = 0  # seconds that it took until nothing was under way
    broken: list[str] = field(default_factory=list)  # of the soak itself

    def dice(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}/{name}")


class Actor(threading.Thread):
    """`step`, then a pause of `pause` seconds, from and to. What it raises is a fault of the soak,
    or an answer of ours that there must not be: it ends the run, which has failed then."""

    pause = (0.2, 1.0)

    def __init__(self, run: Run, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.of, self.dice = run, run.dice(name)

    def step(self) -> None:
        raise NotImplementedError

    def run(self) -> None:
        try:
            while not self.of.over.is_set():
                self.step()
                self.of.over.wait(self.dice.uniform(*self.pause))
        except BaseException:  # also pytest's way to fail
            self.of.broken.append(f"{self.name}:\n{traceback.format_exc()}")
            self.of.over.set()

    def choose(self, *weighted: tuple[float, Callable[[], None]]) -> None:
        """Do one of these."""
        weights, actions = zip(*weighted, strict=True)
        self.dice.choices(actions, weights)[0]()
