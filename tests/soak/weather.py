"""Weather: what goes wrong outside. Faults of the carrier, a mail server that refuses, phones that
are off; and the admin who saves an account again that was stopped by it."""

import time
from collections.abc import Sequence

from app.carrier.faults import KINDS
from tests.soak.actor import Actor, Run
from tests.soak.scene import Campus

SECONDS = {  # from and to; what each kind makes of them is in `app.carrier.faults`
    "busy": (0.5, 2.0),
    "hang_before": (4.0, 6.0),
    "hang_after": (4.0, 6.0),
    "slow": (0.3, 3.0),
    "late": (0.1, 1.0),  # within the time that a call may take
    "listing_lag": (0.5, 2.0),  # far less than we look for a text whose answer was lost
    "callback_duplicate": (0.0, 0.3),
    "callback_reorder": (0.0, 0.3),
}


class Weather(Actor):
    pause = (0.5, 2.5)

    def __init__(self, run: Run, campuses: Sequence[Campus]) -> None:
        super().__init__(run, "weather")
        self._campuses = campuses
        self._clears: list[tuple[float, int]] = []  # when, and which fault
        self._off: dict[str, Campus] = {}  # phones
        self._refuses = False

    def step(self) -> None:
        self._clear(time.monotonic())
        self._save_stopped_accounts()
        self.choose((8, self._set_a_fault), (1, self._switch_a_phone), (1, self._change_the_mail))

    def clear_up(self) -> None:
        """The sun shines."""
        self._clear(float("inf"))
        for number in list(self._off):
            self._switch_on(number)
        self.of.stack.mailbox.accept_all()

    def _set_a_fault(self) -> None:
        campus, kind = self.dice.choice(self._campuses), self.dice.choice(list(KINDS))
        low, high = SECONDS.get(kind, (0.0, 0.0))
        fault = self.of.stack.carrier.fault(
            campus.school.account_sid,
            kind,
            count=1 if kind.endswith("denied") else None,  # it stops the account
            seconds=self.dice.uniform(low, high) if kind in SECONDS else None,
            chance=self.dice.choice([0.05, 0.2, 0.5]),
            times=self.dice.choice([2, 5]) if kind == "callback_duplicate" else None,
            seed=self.dice.randrange(1_000_000),
        )
        self._clears.append((time.monotonic() + self.dice.uniform(2, 12), fault))

    def _clear(self, now: float) -> None:
        due = {fault for at, fault in self._clears if at <= now}
        for fault in self.of.stack.carrier.faults() if due else ():
            if fault["id"] in due:
                self.of.stack.carrier.clear_fault(fault["id"])
                self.of.evidence.note(
                    "troubles", what="fault", detail=fault["kind"], hits=fault["hits"]
                )
        self._clears = [clear for clear in self._clears if clear[1] not in due]

    def _switch_a_phone(self) -> None:
        if len(self._off) > 2:
            self._switch_on(next(iter(self._off)))
            return
        campus = self.dice.choice(self._campuses)
        number = self.dice.choice(list(campus.behaviours))
        self._off[number] = campus
        self.of.stack.carrier.handset(number, behaviour="off")
        self.of.evidence.note("troubles", what="phone off", detail=number)

    def _switch_on(self, number: str) -> None:
        behaviour = self._off.pop(number).behaviours[number]
        self.of.stack.carrier.handset(number, behaviour=behaviour, seconds=1.5)

    def _change_the_mail(self) -> None:
        """For now to everybody, or for good to one person."""
        self._refuses = not self._refuses
        if not self._refuses:
            self.of.stack.mailbox.accept_all()
            return
        address = self.dice.choice(self.dice.choice(self._campuses).people).email
        whom, code = self.dice.choice([("*", 451), (address, 550) if address else ("*", 452)])
        self.of.stack.mailbox.refuse(whom, code)
        self.of.evidence.note("troubles", what="mail refused", detail=f"{whom} {code}")

    def _save_stopped_accounts(self) -> None:
        for campus in self._campuses:
            if campus.save_if_stopped():
                self.of.evidence.note("troubles", what="account saved", detail=campus.school.id)
