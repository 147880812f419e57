"""Emitter profiles: one TOML file each, a typed schema, and the matching."""
