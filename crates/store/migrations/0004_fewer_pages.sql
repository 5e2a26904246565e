-- Every page that a message touches is encrypted and written before anybody hears of the message.

-- Nobody has so many rooms that their order needs an index, and each message had to keep two of them up to date.
DROP INDEX room_last;
DROP INDEX room_last_op;

-- The newest messages are found without the index, which takes in many at a time.
CREATE TABLE search_upto (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  op   INTEGER NOT NULL DEFAULT 0              -- op.row; the index knows nothing of messages behind it
) STRICT;
INSERT INTO search_upto (only, op) SELECT 1, coalesce(max(row), 0) FROM op;
