"""Engines behind one interface (`api`): `local` is the child process, `tasks` what it does."""
