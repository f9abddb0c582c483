"""The media library: films that are added to a space, prepared for every device and watched anywhere.

Words: a *film* is an upload with a title (also one that is only sound); a *rendition* is the film in one size; a
*rung* is the plan for a rendition; a *segment* is a few seconds of a rendition, playable on its own; a *plan* says
all that will be made of a source, and its hash names the folder that holds it.

Invariants: a rendition is made from the source, never from another rendition, and never larger than the source.
A segment that is listed in a playlist is on disk. A film is prepared, refused with a reason, or being worked on.
"""
