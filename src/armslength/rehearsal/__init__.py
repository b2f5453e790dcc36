"""Playing what could happen, on the production step: no node, no network, no clock."""
