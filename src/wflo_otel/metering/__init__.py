"""What calls cost and how many tokens they hold: the adapters of two ports.

The rule here: a number is never invented low. What is not known is said (``None``), or is an
upper bound; nothing is fetched from a network, and no table grows without a bound.
"""
