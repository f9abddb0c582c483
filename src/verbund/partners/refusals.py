"""What one provider refuses of another."""

from verbund.base.refusal import Refusal


class NotHeld(Refusal):
    """de: Der andere Anbieter hält diesen Bereich nicht. Es wurde nichts übernommen.
    en: The other provider does not hold this space. Nothing was taken over."""

    code = "partners.not_held"
    status = 403


class NotKnown(Refusal):
    """de: Diesen Anbieter kennt hier niemand. Vereinbaren Sie zuerst eine Partnerschaft.
    en: Nobody here knows this provider. Agree on a partnership first."""

    code = "partners.unknown"
    status = 403


class Protocol(Refusal):
    """de: Der andere Anbieter hält sich nicht an das Protokoll. Die Verbindung wurde beendet.
    en: The other provider does not keep to the protocol. The link was ended."""

    code = "partners.malformed"
    status = 422


class NoCommonVersion(Refusal):
    """de: Der andere Anbieter spricht eine Version, die hier nicht verstanden wird. Einer der beiden muss erneuern.
    en: The other provider speaks a version that is not understood here. One of the two has to update."""

    code = "partners.no_common_version"
    status = 409


class WrongAddress(Refusal):
    """de: Der andere Anbieter hat diesen hier unter einer fremden Adresse gerufen. Prüfen Sie die Einstellung url.
    en: The other provider called this one at a foreign address. Check the setting url."""

    code = "partners.wrong_address"
    status = 403


class TooMuch(Refusal):
    """de: Der andere Anbieter schickt mehr, als vereinbart ist. Es wurde nichts davon übernommen.
    en: The other provider sends more than was agreed. Nothing of it was taken over."""

    code = "partners.too_much"
    status = 429


class Gap(Refusal):
    """de: Zwischen dem, was hier ist, und dem, was kam, fehlt etwas. Es wird erfragt.
    en: Something is missing between what is here and what came. It is being asked for."""

    code = "partners.gap"
    status = 409


class TooEarly(Refusal):
    """de: Das Neueste kam, ehe hier ist, was man dafür braucht. Es wird gleich wieder erfragt.
    en: The newest came before what it needs is here. It is asked for again shortly."""

    code = "partners.too_early"
    status = 409


class Superfluous(Refusal):
    """de: Zwischen den beiden Anbietern gibt es schon eine Verbindung.
    en: There is a link between the two providers already."""

    code = "partners.superfluous"
    status = 409


class Silent(Refusal):
    """de: Der andere Anbieter antwortet nicht mehr. Es wird von selbst wieder versucht.
    en: The other provider does not answer any more. It is tried again by itself."""

    code = "partners.silent"
    status = 503


class Contradicted(Refusal):
    """de: Das ist anders, als der Anbieter unterschrieben hat, von dem es stammen soll. Es wurde nicht übernommen.
    en: This differs from what the provider that it is said to come from has signed. It was not taken over."""

    code = "partners.contradicted"
    status = 422


class Replayed(Refusal):
    """de: Diese Anfrage eines anderen Anbieters kam schon einmal. Es wurde nichts noch einmal getan.
    en: This request of another provider has come before. Nothing was done again."""

    code = "partners.replayed"
    status = 409
