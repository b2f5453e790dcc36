"""The composition root: where a configuration becomes something that runs, and the only part that knows all adapters.

`node` wires a node, `monitor` a monitor without one. They are two files because a monitor's command loads no server.
"""
