"""What can be wrong with a code or a partnership, each with what to do."""

from verbund.base.refusal import Refusal


class BadCode(Refusal):
    """de: Dieser Code ist unvollständig oder verändert. Bitte den ganzen Code noch einmal kopieren.
    en: This code is incomplete or altered. Please copy the whole code once more."""

    code = "partners.bad_code"
    status = 422


class CodeExpired(Refusal):
    """de: Dieser Code ist abgelaufen. Bitte den anderen Betreiber um einen neuen: `verbund partner invite`.
    en: This code has expired. Please ask the other operator for a new one: `verbund partner invite`."""

    code = "partners.code_expired"
    status = 410


class CodeUsed(Refusal):
    """de: Diesen Code hat schon ein anderer Anbieter benutzt. Bitte um einen neuen: `verbund partner invite`.
    en: Another provider has used this code already. Please ask for a new one: `verbund partner invite`."""

    code = "partners.code_used"
    status = 409


class OwnCode(Refusal):
    """de: Das ist ein Code dieses Anbieters. Er ist für den anderen Betreiber: dort `verbund partner join CODE`.
    en: This is a code of this very provider. It is for the other operator: there `verbund partner join CODE`."""

    code = "partners.own_code"
    status = 409


class NotInvited(Refusal):
    """de: Der andere Anbieter kennt diesen Code nicht. Bitte dort einen neuen machen: `verbund partner invite`.
    en: The other provider does not know this code. Please make a new one there: `verbund partner invite`."""

    code = "partners.not_invited"
    status = 403


class AlreadyPartner(Refusal):
    """de: Mit {name} besteht schon eine Partnerschaft. `verbund partner list` zeigt ihren Stand.
    en: There is a partnership with {name} already. `verbund partner list` shows where it stands."""

    code = "partners.already_partner"
    status = 409


class Unencrypted(Refusal):
    """de: Die Adresse {address} ist nicht mit https erreichbar; ohne Verschlüsselung gibt es keine Partnerschaft.
    en: The address {address} is not an https one; without encryption there is no partnership."""

    code = "partners.unencrypted"
    status = 422


class OtherKey(Refusal):
    """de: Unter dieser Adresse meldet sich ein anderer Schlüssel als vereinbart. Fragen Sie den anderen Betreiber, ob
    er neu eingerichtet hat: Dann hier beenden und neu verabreden. Wenn nicht, steht jemand dazwischen.
    en: Another key than agreed answers at this address. Ask the other operator whether it was set up anew: then end
    the partnership here and agree anew. If not, somebody stands in between."""

    code = "partners.other_key"
    status = 409


class ClockApart(Refusal):
    """de: Die Uhren der beiden Anbieter gehen mehr als zwei Minuten auseinander. Bitte beide richtig stellen (NTP).
    en: The clocks of the two providers are more than two minutes apart. Please set both right (NTP)."""

    code = "partners.clock_apart"
    status = 409


class NoSuchPartner(Refusal):
    """de: Diesen Partner gibt es nicht, oder der Name passt auf mehrere. `verbund partner list` zeigt alle.
    en: There is no such partner, or the name fits several. `verbund partner list` shows all."""

    code = "partners.no_such_partner"
    status = 404


class NoCommonText(Refusal):
    """de: Die beiden Anbieter kennen keine gemeinsame Fassung der Vereinbarung. Bitte beide aktualisieren.
    en: The two providers know no common version of the agreement. Please update both."""

    code = "partners.no_common_text"
    status = 409


class NotHeardYet(Refusal):
    """de: Der andere Anbieter hat noch nicht geantwortet. Läuft Verbund hier und dort? `verbund partner list` zeigt es.
    en: The other provider has not answered yet. Is Verbund running here and there? See `verbund partner list`."""

    code = "partners.not_heard"
    status = 409


class NothingToConfirm(Refusal):
    """de: Es wartet nichts auf eine Bestätigung. Nach fünf Minuten wird von selbst zurückgenommen, was nicht
    bestätigt wurde; `verbund partner list` zeigt den Stand.
    en: Nothing waits to be confirmed. What was not confirmed is taken back by itself after five minutes;
    `verbund partner list` shows how it stands."""

    code = "partners.nothing_to_confirm"
    status = 404


class NotConfirmed(Refusal):
    """de: Nichts geändert.
    en: Nothing changed."""

    code = "partners.not_confirmed"
    status = 409


class TooManyPartners(Refusal):
    """de: Mehr als {limit} Partner oder offene Codes gehen nicht. Beenden Sie zuerst, was nicht mehr gebraucht wird.
    en: There can be no more than {limit} partners or open codes. End first what is no longer needed."""

    code = "partners.too_many"
    status = 409
