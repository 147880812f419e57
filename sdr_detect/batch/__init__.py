"""Many recordings to one table: what is done with each, where, and what is kept."""
