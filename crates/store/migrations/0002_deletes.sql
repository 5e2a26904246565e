-- Ops that take the payload of another one away (kinds 34 and 36), which are asked for by the op they name.
CREATE INDEX op_deletes ON op (room) WHERE kind IN (34, 36);
