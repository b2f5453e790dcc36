"""What `program` has imported before it forks: every command's file, and what the commands load when they run."""

from importlib import import_module

import armslength.engine.monitor
import armslength.net.owner
import armslength.runtime.monitor
import armslength.store.sqlite
import armslength.views.dealings
import armslength.wire.terms
import armslength.wire.terms_yaml  # noqa: F401
from armslength.cli.__main__ import PARTS

for part in PARTS:
    import_module(f"armslength.cli.{part}")
