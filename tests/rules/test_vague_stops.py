"""Vague opt-outs: asked about, never guessed; a sentence with a keyword in it is a message
(D20)."""

import pytest

from app.rules.keywords import Keyword, classify

VAGUE = """
    please stop texting me
    please stop texting me so early
    Please stop
    Please, just stop.
    ok stop now
    hey stop
    Stop it
    STOP PLEASE
    Stop, please!
    stop stop stop
    I said stop
    Can you stop?
    Stop. Thanks, Maya
    Wrong number. STOP
    Stop! I don't know you
    stop texting
    stop text me
    Stop 😡 texting me
    STOP TEXTING ME
    quit texting me
    stop messaging this number
    stop contacting me
    stop bothering me
    stop spamming me
    stop sending me messages
    stop sending these
    stop sending
    stop writing to me
    Stop all these texts
    please stop the texts
    stop with the messages
    end these notifications
    cancel text messages
    cancel my texts
    how do I stop getting these texts
    I want to stop receiving messages
    I want this to stop
    I'd like you to stop
    don't text me
    Don’t text me again
    I said don't text me
    do not contact me
    DO NOT TEXT
    pls dont message me anymore
    please don't send me any more texts
    never text me again
    no more texts please
    No more of these please, no more messages
    I don't want these messages
    I dont want to get texts anymore
    I no longer want to receive texts
    I don't want to be texted
    please unsubscribe
    unsubscribe me
    Unsubscribe from this list
    how do I unsubscribe?
    opt out please
    opt me out
    I want to opt out
    I'd like to opt out of these texts
    I revoke my consent
    remove me from your list
    Please remove me
    take me off this list
    delete my number
    leave me alone
    lose my number
    no mas
    No más
    no más, por favor
    no mas mensajes
    no quiero más mensajes
    no me envíes más mensajes
    ya no me mandes nada
    deja de escribirme
    por favor deja de mandar mensajes
    basta
    ¡Alto!
    para por favor
    arrête
    arrêtez
"""

SIGNED = ["STOP\nSent from my phone", "Stop\n\nMaya Chen, class of 2028"]
SLIPS = ["sto p", "s t o p", "S.T.O.P", "S-T-O-P", "st\u200bop", "stpo", "STOPP", "un-subscribe"]

ORDINARY = """
    I can't stop by today
    I can't stop by today, sorry
    Can you stop by my office?
    please stop by at 3
    I'd like to stop by your office
    Want to stop at the library first?
    I did stop by
    no problem, stop by any time
    yes stop by
    the bus stop
    I'm at the bus stop, text me when you're here
    at the bus stop text me
    Next stop text me
    Ok next stop
    we should stop here
    stop sign on Main
    stop payment
    how do I stop payment on a check
    my laptop stopped charging
    non-stop flights
    full stop
    Unstoppable!
    I can't stop texting lol
    Please don't stop texting me
    I won't stop trying
    don't stop
    did you stop writing the essay
    Should I stop sending my transcripts by mail
    quit my job
    I quit
    How do I quit the team
    the doctor told me to quit smoking
    quite good
    what is the end date
    end of the month
    at the end of class
    in the end I passed
    in the end text me
    the weekend works
    can I end my lease early
    please end the call
    cancel my 3pm please
    please cancel
    cancel that
    cancel the meeting please
    I want to cancel my appointment
    canceled my class
    my permit was revoked
    start date?
    when do classes start
    start over?
    I need help
    can you help me
    help with math
    info session at 5?
    more info please
    optional
    I did not unsubscribe
    I'd like to opt out of the meal plan
    can I opt out of housing?
    remove me from the waitlist for BIO 101
    please remove me from the wait list
    can the bus take me off campus
    Why don't you text me the address?
    If you don't text me I'll call
    You never text me back
    they don't send me the emails
    Don't forget to send me the form
    I don't text and drive
    I don't want to text in class
    I have no more messages
    no more questions, thanks
    never mind
    no mas tengo una pregunta
    no me enviaron el formulario
    no me mandó nada
    dejé de escribir el ensayo
    para mañana está bien
    yes
    yes please
    hi
    👍
"""


def lines(text):
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("body", lines(VAGUE) + SIGNED + SLIPS)
def test_d20_other_words_for_stop_are_asked_about(body):
    assert classify(body, stopped_here=False) is Keyword.VAGUE_STOP


TWO_LINES = ["I am at the stop\ntext me", "Which exit?\nThe next stop"]


@pytest.mark.parametrize("body", lines(ORDINARY) + TWO_LINES)
def test_d20_a_sentence_that_merely_contains_a_keyword_is_an_ordinary_message(body):
    assert classify(body, stopped_here=False) is Keyword.NONE


@pytest.mark.parametrize("body", lines(VAGUE))
def test_d20_case_does_not_matter(body):
    assert classify(body.upper(), stopped_here=False) is Keyword.VAGUE_STOP
