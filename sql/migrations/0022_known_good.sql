-- A list that is brought in anew comes beside the one in force, which counts until the last part of the new one is here: nothing that it knows leaves meanwhile.
ALTER TABLE warninglist DROP CONSTRAINT warninglist_name_key;
ALTER TABLE warninglist ADD CONSTRAINT warninglist_name_loaded_key UNIQUE (name, loaded);
