-- Another reason of a suppression in force waits for the second person, as a later end does.
ALTER TABLE suppression_waiting ADD COLUMN reason text;
