"""Pages for people. What may be done now is asked of the engine, and so is the reason why not."""
