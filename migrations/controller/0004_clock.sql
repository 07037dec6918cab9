-- Whether anybody sets the machine's clock, counted over restarts.

ALTER TABLE journal_head ADD COLUMN clock_set  TEXT NOT NULL DEFAULT ''; -- when it was last known to be set, or the count began; '' for never looked
ALTER TABLE journal_head ADD COLUMN clock_said TEXT NOT NULL DEFAULT ''; -- when an alarm said that it was not; '' for none that stands
