"""Meet: video calls of a space.

Words: `call` = the fact that people of a space were in a call; `room` = its signalling state while it runs; `person` =
one browser tab in a room (`seat` = the same at the SFU); `feed` = what a person publishes, its tracks named by mid;
`SFU` = Janus, which forwards the media; `generation` = one life of the SFU.

Invariants: browsers never speak to Janus's interface, only this server does; what comes back from an earlier generation
is dropped; who may not call in a space learns nothing of its calls; mute, hand and screen flags live in the room and
outlive the SFU; the web process may die and the media goes on, the SFU may die and the people publish again.
"""
