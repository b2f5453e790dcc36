"""Read-only views of an arrangement: terms, state and record in; plain words and plain values out. Pure."""
