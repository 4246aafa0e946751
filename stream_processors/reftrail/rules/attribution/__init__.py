"""Rules of attribution: who referred a user, and what may earn a reward from then on."""
