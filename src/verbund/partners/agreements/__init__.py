"""Partnerships: two operators exchange a code, see who the other is, and both agree to the same text.

Words: `code` = what the one operator gives the other, outside of Verbund; `statement` = what a provider says about
itself and its partnership with another, signed by its device; `text` = a version of the processing agreement
(Art. 28 GDPR), named by its SHA-256; `fate` = what two providers share, so that one event could take both.

Invariants: nobody is a partner before both sides agreed to one and the same text; without that nobody is dialled and
no organisation may choose them. A partner is its root key: who shows another one is somebody else.
"""

from verbund.partners.agreements.queries import dialled, ended

__all__ = ["dialled", "ended"]
