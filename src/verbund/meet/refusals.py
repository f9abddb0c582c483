"""What calls refuse, and what the person can do about it."""

from verbund.base.refusal import Refusal


class NotSetUp(Refusal):
    """de: Videoanrufe sind auf diesem Server noch nicht eingerichtet. Wer ihn betreut, kann das nachholen: {reason_de}
    Alles andere funktioniert.
    en: Video calls are not set up on this server yet. Whoever looks after it can do so: {reason_en}
    Everything else works."""

    code = "meet.not_set_up"
    status = 503


class Recovering(Refusal):
    """de: Die Videoanrufe starten gerade neu. Das dauert wenige Sekunden, Sie müssen nichts tun.
    en: Video calls are restarting. It takes a few seconds, there is nothing you need to do."""

    code = "meet.recovering"
    status = 503


class RoomFull(Refusal):
    """de: In diesem Anruf sind schon {people_max} Personen. Mehr passen nicht hinein.
    en: There are {people_max} people in this call already. There is no room for more."""

    code = "meet.full"
    status = 409


class TooManyCalls(Refusal):
    """de: Auf diesem Server laufen gerade sehr viele Anrufe. Versuchen Sie es in einigen Minuten noch einmal.
    en: Very many calls are going on on this server. Try again in a few minutes."""

    code = "meet.overloaded"
    status = 503


class NotInCall(Refusal):
    """de: Sie sind nicht mehr in diesem Anruf. Treten Sie ihm noch einmal bei.
    en: You are no longer in this call. Join it again."""

    code = "meet.absent"
    status = 409


class CallOver(Refusal):
    """de: Dieser Anruf ist schon zu Ende. Sie können einen neuen beginnen.
    en: This call is over. You can start a new one."""

    code = "meet.over"
    status = 410


class BadDescription(Refusal):
    """de: Der Browser hat eine Verbindung beschrieben, die dieser Server nicht annimmt. Laden Sie die Seite neu und
    treten Sie dem Anruf noch einmal bei.
    en: The browser described a connection that this server does not accept. Reload the page and join the call again."""

    code = "meet.malformed_description"
    status = 422


class MediaRefused(Refusal):
    """de: Bild und Ton konnten nicht verbunden werden. Treten Sie dem Anruf noch einmal bei.
    en: Picture and sound could not be connected. Join the call again."""

    code = "meet.media_refused"
    status = 502
