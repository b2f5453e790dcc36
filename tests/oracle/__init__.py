"""A second engine, slow and plainly right: what the rules say, read again without looking at how the product does it.

It exists to be compared with `armslength.core.arrangement.step`; see tests/core/arrangement/test_oracle.py.
Each rule quotes its number in docs/rules.md ("rule 4.2") or the decision record that settles a reading ("decision 13").
"""
