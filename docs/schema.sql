-- The schema of a store after all migrations, for reading. Generated from crates/store/migrations by
-- `cargo xtask gen`; never edit it and never run it: a store is made by the migrations alone.

CREATE TABLE account_op (
  row     INTEGER PRIMARY KEY AUTOINCREMENT,
  id      BLOB NOT NULL UNIQUE,
  account BLOB NOT NULL,
  header  BLOB NOT NULL,
  sig     BLOB NOT NULL,
  payload BLOB NOT NULL
) STRICT;

CREATE INDEX account_op_account ON account_op (account, row);

CREATE TABLE ack (
  room   INTEGER NOT NULL REFERENCES room (row),
  device INTEGER NOT NULL REFERENCES device (row),
  author INTEGER NOT NULL REFERENCES device (row),
  upto   INTEGER NOT NULL DEFAULT 0,
  also   BLOB NOT NULL DEFAULT x'',
  PRIMARY KEY (room, device, author)
) STRICT, WITHOUT ROWID;

CREATE INDEX ack_author ON ack (room, author, upto);

CREATE TABLE device (
  row            INTEGER PRIMARY KEY AUTOINCREMENT,
  id             BLOB NOT NULL UNIQUE,
  account        BLOB NOT NULL DEFAULT x'',
  bundle         BLOB,                         -- encoded Signed DeviceBundle
  bundle_version INTEGER NOT NULL DEFAULT 0,
  addr           BLOB,                         -- encoded Signed AddressRecord
  addr_version   INTEGER NOT NULL DEFAULT 0,
  peer           BLOB,                         -- PeerId bytes named by the address record
  last_seen      INTEGER NOT NULL DEFAULT 0,
  asleep_since   INTEGER
, removed INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE INDEX device_account ON device (account);

CREATE INDEX device_peer ON device (peer) WHERE peer IS NOT NULL;

CREATE TABLE envelope_key (
  id         BLOB PRIMARY KEY NOT NULL,        -- 8 bytes
  secret     BLOB NOT NULL,
  public     BLOB NOT NULL,
  made_at    INTEGER NOT NULL DEFAULT 0,
  retired_at INTEGER
) STRICT;

CREATE TABLE envelope_seen (
  hash  BLOB PRIMARY KEY NOT NULL,             -- 16 bytes
  until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX envelope_seen_until ON envelope_seen (until);

CREATE TABLE epoch_key (
  room          INTEGER NOT NULL REFERENCES room (row),
  key_id        BLOB NOT NULL,                 -- 16 bytes
  epoch         INTEGER NOT NULL DEFAULT 0,
  created_hlc   INTEGER NOT NULL DEFAULT 0,
  creator       BLOB NOT NULL,
  body          BLOB NOT NULL,                 -- encoded Key
  received_at   INTEGER NOT NULL DEFAULT 0,
  superseded_at INTEGER,
  PRIMARY KEY (room, key_id)
) STRICT;

CREATE INDEX epoch_key_id ON epoch_key (key_id);

CREATE TABLE frame (
  op     INTEGER PRIMARY KEY REFERENCES op (row) ON DELETE CASCADE,
  room   INTEGER NOT NULL REFERENCES room (row),
  key_id BLOB NOT NULL,
  body   BLOB NOT NULL                         -- encoded Sealed
) STRICT;

CREATE INDEX frame_room ON frame (room, op);

CREATE TABLE friend (
  account   BLOB PRIMARY KEY NOT NULL,
  state     INTEGER NOT NULL DEFAULT 0,        -- 0 known, 1 requested, 2 friend, 3 removed, 4 declined
  name      TEXT NOT NULL DEFAULT '',
  alias     TEXT,
  favourite INTEGER NOT NULL DEFAULT 0,
  hidden    INTEGER NOT NULL DEFAULT 0,
  blocked   INTEGER NOT NULL DEFAULT 0,
  profile   BLOB,                              -- which of my profiles this friend sees
  card      BLOB,                              -- encoded Card
  room      INTEGER REFERENCES room (row) ON DELETE SET NULL,
  added_at  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE gap (
  room      INTEGER NOT NULL REFERENCES room (row),
  author    INTEGER NOT NULL REFERENCES device (row),
  from_seq  INTEGER NOT NULL DEFAULT 0,
  to_seq    INTEGER NOT NULL DEFAULT 0,
  since     INTEGER NOT NULL DEFAULT 0,
  closed_at INTEGER,
  reason    TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (room, author, from_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX gap_open ON gap (since) WHERE closed_at IS NULL;

CREATE TABLE head (
  room INTEGER NOT NULL REFERENCES room (row),
  id   BLOB NOT NULL,
  PRIMARY KEY (room, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE invite (
  id           BLOB PRIMARY KEY NOT NULL,      -- 16 bytes
  secret       BLOB NOT NULL,                  -- 16 bytes
  once         INTEGER NOT NULL DEFAULT 0,
  expires      INTEGER NOT NULL DEFAULT 0,
  created      INTEGER NOT NULL DEFAULT 0,
  used         INTEGER NOT NULL DEFAULT 0,     -- how many requests it admitted
  revoked      INTEGER NOT NULL DEFAULT 0,
  slot_secret  BLOB,
  slot_version INTEGER NOT NULL DEFAULT 0,
  relay        TEXT,
  link         TEXT NOT NULL DEFAULT '',
  token_slot   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE key_share (
  key_id BLOB NOT NULL,
  device INTEGER NOT NULL REFERENCES device (row),
  at     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (key_id, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE lane (
  device      INTEGER PRIMARY KEY REFERENCES device (row),
  out_gen     INTEGER NOT NULL DEFAULT 0,
  out_next    INTEGER NOT NULL DEFAULT 1,
  out_acked   INTEGER NOT NULL DEFAULT 0,
  in_gen      INTEGER NOT NULL DEFAULT 0,
  in_next     INTEGER NOT NULL DEFAULT 1,
  session     BLOB,                            -- pickled session
  reset_at    INTEGER NOT NULL DEFAULT 0,
  bundle_sent INTEGER NOT NULL DEFAULT 0       -- version of the own bundle the other side has acknowledged
) STRICT;

CREATE TABLE lane_in (
  device INTEGER NOT NULL REFERENCES device (row),
  gen    INTEGER NOT NULL DEFAULT 0,
  seq    INTEGER NOT NULL DEFAULT 0,
  packet BLOB NOT NULL,
  PRIMARY KEY (device, gen, seq)
) STRICT;

CREATE TABLE lane_out (
  row      INTEGER PRIMARY KEY AUTOINCREMENT,
  device   INTEGER NOT NULL REFERENCES device (row),
  gen      INTEGER NOT NULL DEFAULT 0,
  seq      INTEGER NOT NULL DEFAULT 0,         -- 0 until it is sealed into a packet
  topic    TEXT NOT NULL DEFAULT '',           -- a newer unsent message of a topic replaces the older one
  body     BLOB NOT NULL,                      -- encoded LaneMessage
  envelope BLOB,                               -- sealed bytes, once made
  at       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX lane_out_device ON lane_out (device, row);

CREATE TABLE meta (
  key   TEXT PRIMARY KEY NOT NULL,
  value BLOB NOT NULL DEFAULT x''
) STRICT;

CREATE TABLE op (
  row          INTEGER PRIMARY KEY AUTOINCREMENT,
  id           BLOB NOT NULL UNIQUE,
  room         INTEGER NOT NULL REFERENCES room (row),
  author       INTEGER NOT NULL REFERENCES device (row),
  account      BLOB NOT NULL DEFAULT x'',
  author_order INTEGER NOT NULL DEFAULT 0,
  seq          INTEGER NOT NULL DEFAULT 0,
  hlc          INTEGER NOT NULL DEFAULT 0,
  kind         INTEGER NOT NULL DEFAULT 0,
  header       BLOB NOT NULL,
  sig          BLOB NOT NULL,
  payload      BLOB,                           -- NULL = purged
  arrived_at   INTEGER NOT NULL DEFAULT 0,
  origin       INTEGER NOT NULL DEFAULT 0,     -- 0 own, 1 gossip, 2 stream, 3 relay, 4 repair, 5 bulk
  late         INTEGER NOT NULL DEFAULT 0,
  due_at       INTEGER NOT NULL DEFAULT 0      -- 0 = applied, else when an op of the future is applied
) STRICT;

CREATE INDEX op_control ON op (room, hlc, author_order, seq) WHERE kind < 32;

CREATE INDEX op_deletes ON op (room) WHERE kind IN (34, 36);

CREATE INDEX op_due ON op (due_at) WHERE due_at > 0;

CREATE INDEX op_line ON op (room, author, seq);

CREATE INDEX op_place ON op (room, hlc, author_order, seq);

CREATE TABLE parked (
  row    INTEGER PRIMARY KEY AUTOINCREMENT,
  room   INTEGER NOT NULL REFERENCES room (row),
  key_id BLOB NOT NULL,
  frame  BLOB NOT NULL,
  at     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX parked_key ON parked (room, key_id, row);

CREATE TABLE parked_op (
  row    INTEGER PRIMARY KEY AUTOINCREMENT,
  room   INTEGER NOT NULL REFERENCES room (row),
  author BLOB NOT NULL,
  op     BLOB NOT NULL,                        -- encoded SignedOp
  at     INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX parked_op_author ON parked_op (room, author, row);

CREATE TABLE read_mark (
  room    INTEGER NOT NULL REFERENCES room (row),
  account BLOB NOT NULL,
  author  INTEGER NOT NULL REFERENCES device (row),
  seq     INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (room, account, author)
) STRICT, WITHOUT ROWID;

CREATE TABLE register (
  room    INTEGER NOT NULL REFERENCES room (row),
  author  BLOB NOT NULL,
  name    TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 0,
  body    BLOB NOT NULL,                       -- encoded Signed Register
  PRIMARY KEY (room, author, name)
) STRICT;

CREATE TABLE relay (
  row      INTEGER PRIMARY KEY AUTOINCREMENT,
  addr     TEXT NOT NULL UNIQUE,
  peer     BLOB NOT NULL DEFAULT x'',
  own      INTEGER NOT NULL DEFAULT 0,
  code     TEXT NOT NULL DEFAULT '',
  added_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE relay_box (
  relay   INTEGER NOT NULL REFERENCES relay (row) ON DELETE CASCADE,
  box     BLOB NOT NULL,                       -- 16 bytes
  kind    INTEGER NOT NULL DEFAULT 0,          -- 1 inbox, 2 log, 3 slot
  room    INTEGER REFERENCES room (row),
  secret  BLOB NOT NULL,
  epoch   BLOB NOT NULL DEFAULT x'',
  cursor  INTEGER NOT NULL DEFAULT 0,
  until   INTEGER,
  version INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (relay, box)
) STRICT;

CREATE INDEX relay_box_room ON relay_box (room) WHERE room IS NOT NULL;

CREATE TABLE relay_copy (
  op    INTEGER NOT NULL REFERENCES op (row) ON DELETE CASCADE,
  relay INTEGER NOT NULL REFERENCES relay (row) ON DELETE CASCADE,
  box   BLOB NOT NULL,                         -- 16 bytes
  seq   INTEGER NOT NULL DEFAULT 0,
  at    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (op, relay)
) STRICT, WITHOUT ROWID;

CREATE INDEX relay_copy_box ON relay_copy (relay, box);

CREATE TABLE relay_put (
  row      INTEGER PRIMARY KEY AUTOINCREMENT,
  relay    INTEGER NOT NULL REFERENCES relay (row) ON DELETE CASCADE,
  box      BLOB NOT NULL,                      -- 16 bytes
  kind     INTEGER NOT NULL DEFAULT 0,         -- 1 inbox, 2 log, 3 slot
  op       INTEGER REFERENCES op (row) ON DELETE CASCADE,
  lane_out INTEGER REFERENCES lane_out (row) ON DELETE CASCADE,
  token    BLOB,
  slot     BLOB,
  del_hash BLOB,
  ttl_h    INTEGER NOT NULL DEFAULT 0,
  body     BLOB NOT NULL,
  at       INTEGER NOT NULL DEFAULT 0,
  due_at   INTEGER NOT NULL DEFAULT 0,
  tries    INTEGER NOT NULL DEFAULT 0,
  error    TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX relay_put_due ON relay_put (relay, due_at, row);

CREATE INDEX relay_put_lane_out ON relay_put (lane_out) WHERE lane_out IS NOT NULL;

CREATE INDEX relay_put_op ON relay_put (op) WHERE op IS NOT NULL;

CREATE TABLE request_in (
  id       BLOB PRIMARY KEY NOT NULL,          -- 16 bytes
  account  BLOB NOT NULL,
  device   BLOB NOT NULL,
  name     TEXT NOT NULL DEFAULT '',
  greeting TEXT NOT NULL DEFAULT '',
  at       INTEGER NOT NULL DEFAULT 0,
  contact  BLOB NOT NULL,                      -- encoded Contact
  invite   BLOB NOT NULL,                      -- 16 bytes
  state    INTEGER NOT NULL DEFAULT 0          -- 0 open, 1 accepted, 2 declined
) STRICT, WITHOUT ROWID;

CREATE INDEX request_in_account ON request_in (account);

CREATE TABLE request_out (
  account  BLOB PRIMARY KEY NOT NULL,
  link     TEXT NOT NULL DEFAULT '',
  invite   BLOB NOT NULL,                      -- 16 bytes
  greeting TEXT NOT NULL DEFAULT '',
  at       INTEGER NOT NULL DEFAULT 0,
  state    INTEGER NOT NULL DEFAULT 0,         -- 0 open, 1 accepted, 2 refused
  reason   TEXT NOT NULL DEFAULT '',
  peer     BLOB NOT NULL DEFAULT x'',
  record   BLOB NOT NULL DEFAULT x''           -- encoded InviteRecord
) STRICT, WITHOUT ROWID;

CREATE TABLE room (
  row         INTEGER PRIMARY KEY AUTOINCREMENT,
  conv        BLOB NOT NULL UNIQUE,
  kind        INTEGER NOT NULL DEFAULT 0,      -- 0 self, 1 direct, 2 group, 3 open
  state       INTEGER NOT NULL DEFAULT 0,      -- 0 active, 1 left, 2 removed
  title       TEXT NOT NULL DEFAULT '',
  peer        BLOB,                            -- the other account of a direct room
  history     INTEGER NOT NULL DEFAULT 3,      -- 1 all, 2 days:N, 3 now, 4 none
  days        INTEGER NOT NULL DEFAULT 0,
  created_at  INTEGER NOT NULL DEFAULT 0,
  last_hlc    INTEGER NOT NULL DEFAULT 0,
  last_op     INTEGER REFERENCES op (row) ON DELETE SET NULL,
  unread      INTEGER NOT NULL DEFAULT 0,
  pinned      INTEGER NOT NULL DEFAULT 0,
  archived    INTEGER NOT NULL DEFAULT 0,
  muted_until INTEGER NOT NULL DEFAULT 0,
  draft       TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE VIRTUAL TABLE search USING fts5 (terms, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 0');

CREATE TABLE search_place (
  place INTEGER PRIMARY KEY,
  op    INTEGER NOT NULL DEFAULT 0             -- op.row; not a foreign key, a place of a vanished op finds nothing
) STRICT;

CREATE TABLE search_upto (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  op   INTEGER NOT NULL DEFAULT 0              -- op.row; the index knows nothing of messages behind it
) STRICT;

CREATE TABLE setting (
  key     TEXT PRIMARY KEY NOT NULL,
  value   TEXT NOT NULL DEFAULT '',
  version INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE token (
  device  INTEGER NOT NULL REFERENCES device (row),
  inbox   BLOB NOT NULL,                       -- 16 bytes
  room    INTEGER NOT NULL DEFAULT 0,
  token   BLOB NOT NULL,
  expires INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (device, inbox, room)
) STRICT, WITHOUT ROWID;

CREATE TABLE token_slot (
  slot    INTEGER PRIMARY KEY AUTOINCREMENT,
  kind    INTEGER NOT NULL DEFAULT 0,          -- 1 friend, 2 room, 3 invite
  subject BLOB NOT NULL DEFAULT x'',
  expires INTEGER NOT NULL DEFAULT 0,
  revoked INTEGER NOT NULL DEFAULT 0           -- 0 no, 1 yes, 2 silently
) STRICT;

CREATE INDEX token_slot_subject ON token_slot (kind, subject);
