"""Reads of spaces; never writes. Space first, then viewer: who does not belong gets nothing."""

from verbund.spaces.queries.holders import held_by, holders, spaces_at
from verbund.spaces.queries.motions import motions, motions_waiting
from verbund.spaces.queries.pages import details, invitation_preview, invitations, members, open_spaces
from verbund.spaces.queries.rights import (
    abilities_in,
    children_of,
    children_with,
    heads_of,
    home_of,
    may_help_sign_in,
    members_among,
    members_of,
    parents,
    people_of,
    providers_of,
    role,
    shares_a_space,
    space_ids_of,
    spaces_of,
    title_of,
)  # fmt: skip
from verbund.spaces.queries.start import me, vectors_of
from verbund.spaces.queries.twofold import twofold

__all__ = [
    "abilities_in", "children_of", "children_with", "details", "heads_of", "held_by", "holders", "home_of",
    "invitation_preview", "invitations", "may_help_sign_in", "me", "members", "members_among", "members_of", "motions",
    "motions_waiting", "open_spaces", "parents", "people_of", "providers_of", "role", "shares_a_space",
    "space_ids_of", "spaces_at", "spaces_of", "title_of", "twofold", "vectors_of",
]  # fmt: skip
