"""What the AsyncAPI document explains in words, in CommonMark."""

ABOUT = """\
What Dasan, the backend of a city's inquiry line, takes from Kafka and sends to it. The topics of
another city have its name in place of this one's, and are otherwise the same.

Every value is one CloudEvents 1.0 envelope in structured mode, as JSON. The schemas keep to what
JSON Schema means alike in draft 7 and in draft 2020-12.
"""

EVENTS = """\
Every record of the city's log, the very bytes that stand in it (RFC 8785 form), for ever. An
inquiry, a citizen or a disclosure is a stream; its id is the key.

**Order.** Records of one stream come in order, since they share a key and the number of partitions
stays what it was. Between partitions there is none: the order of the log is the header `position`
(in the value: `sequence`), 1, 2, 3 … without a gap over all partitions together. Within a partition
it only rises.

**Read what is committed.** The relay sends in transactions. Set `isolation.level=read_committed`:
other readers also see what was aborted and sent again.

**Once.** A subscriber that stops between its work and its commit gets records again. Store the
position of the last record of each partition together with what you make of it, and skip what is
not above it. `log-id` names the log: under another one the positions are others, and what was made
of the former log is void.

**Unknown types.** Types and new versions of types (`….v2`) will be added; skip those that you do
not know, and commit. What a type means and which fields it has never changes: every field is there,
those without a value are null.

**Sealed values.** Texts about people are `Sealed`: encrypted, under a key that only Dasan has. With
the scope and for a purpose that is recorded they are opened by `POST /v1/disclosures`. When a
citizen is forgotten the keys are destroyed and `citizen.forgotten.v1` names them: forget what you
have opened under them.
"""

CHECKPOINTS = """\
What the log says of itself about once a second while it grows: a signed note of its origin, its
number of records and the root of their Merkle tree (C2SP tlog-checkpoint, Ed25519). `position` is
that number. The key that verifies it is that of `GET /v1/audit/key`; have it from elsewhere, too.

Whoever keeps these is a witness: the log cannot be rewritten or cut without them seeing it.
"""

CONTACTS = """\
What channel gateways report of contacts, step by step; docs/contacts.md tells what each step does.
A message has {max_bytes:,} bytes at most.

Send with the contact's own id at the gateway, `subject`, as the key, so that its steps stay in
order; a step that comes before its predecessor waits an hour for it. Send again whatever was not
acknowledged: `source`, `subject` and `id` name a step for ever. The same one again is a repeat that
does nothing; with other contents it is a contradiction, and not taken. What cannot be taken is told
in the topic of rejected contacts. An optional field that cannot be used is left out, and the step
taken. A time is one at which something can have happened: not in the future, nor before 1990 unless
`DASAN_EARLIEST` says so.

The messages hold personal data in the clear, for as long as the topic keeps them: only gateways may
write to it, only Dasan may read it.
"""

REJECTED = """\
Messages of the topic of contacts that were not taken, each with the reason. Those who run the
gateways read it, mend what is wrong and send again. Of a message that is too long the beginning is
told.

`position` is a running number of its own, which only rises within a partition and may have gaps.
Read what is committed, as with the events. The messages may hold personal data, less what looks
like a resident registration number: only those who run gateways may read the topic.
"""
