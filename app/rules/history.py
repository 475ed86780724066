"""History: a change of consent as a sentence, for the page of a person (D13)."""

from app.rules.codes import look_up
from app.rules.consent import ConsentEvent, SmsStatus

ADDED_AFTER_STOP = "added to a person who opted out"
MERGED_AFTER_STOP = "merged with a record that had opted out"
PROVIDER_ERROR = "provider error "  # and its code

STATUS = {
    SmsStatus.ENABLED: "SMS Enabled",
    SmsStatus.DISABLED: "SMS Disabled",
    SmsStatus.DEFAULT: "SMS Default",
}

ICON = {
    SmsStatus.ENABLED: "check",
    SmsStatus.DISABLED: "message-circle-off",
    SmsStatus.DEFAULT: "rotate-ccw",
}


def because(event: ConsentEvent, person: str, words: str = "", by: str | None = None) -> str:
    """Why it changed. `words`: of the text, of the member of staff `by`, or the code that the
    provider gave."""
    quoted = f" “{words}”" if words else ""
    code = words.removeprefix(PROVIDER_ERROR)
    said = f": {words}" if words else ""
    match event:
        case ConsentEvent.OPTED_OUT | ConsentEvent.PERSON_OPTED_OUT if by and words:
            if words == ADDED_AFTER_STOP:
                return f"{by} added it after {person} had opted out."
            if words == MERGED_AFTER_STOP:
                return f"{by} merged {person} with a record that had opted out."
            return f"{by} opted {person} out, who wrote{quoted}."
        case ConsentEvent.OPTED_OUT if code != words:
            return "The phone company says that this person opted out."
        case ConsentEvent.OPTED_OUT:
            return f"{person} texted{quoted or ' STOP'}."
        case ConsentEvent.PERSON_OPTED_OUT:
            return f"{person} opted out on another number{f', with{quoted}' if words else ''}."
        case ConsentEvent.OPTED_IN:
            return f"{person} texted{quoted or ' START'}."
        case ConsentEvent.WROTE_FIRST:
            return f"{person} wrote first."
        case ConsentEvent.NUMBER_INVALID | ConsentEvent.HANDSET_UNKNOWN:
            return f"The phone company says: {look_up(code).meaning.lower()} ({code})."
        case _:
            return f"{by or 'Staff'}{said}."
