"""Engines behind one interface (`api`): `local` is a child process, `tasks` its kinds of work."""
