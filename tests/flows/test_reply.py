"""A student answers."""

from tests.helpers import until


def test_a_text_goes_out_and_the_answer_comes_back(school):
    """S2-13, S3-24, S3-30, S3-49: the number is assigned at the first text, and carries both
    directions."""
    (ours,) = school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    sent = dana.send(maya, "How is the term going?")
    assert (sent["channel"], sent["reason"], sent["from"]) == ("sms", "default_phone", ours)
    dana.settled(sent["id"], "delivered")
    assert [text["body"] for text in school.ledger(maya.numbers[0])] == ["How is the term going?"]

    answer = school.texts(maya.numbers[0], ours, "Fine, thanks")
    assert answer["webhook"]["status"] == 200
    (thread,) = until(lambda: dana.conversations(unread="true"))
    assert thread["unread"] == 1
    assert [m["body"] for m in dana.thread(thread["id"])] == [
        "How is the term going?",
        "Fine, thanks",
    ]
    assert school.phone_status(maya) == ["default"]
