"""Parts that every HTTP edge needs: bodies, keys, client addresses, pseudonyms, error answers."""
