-- Events, one row for each event id, type and kind of key. Bots are in it, with is_bot.
SELECT * EXCEPT (load) FROM events
