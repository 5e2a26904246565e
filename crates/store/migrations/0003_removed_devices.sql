-- Whether the log of the account removes the device: it is neither dialled nor written to nor shown.
ALTER TABLE device ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
