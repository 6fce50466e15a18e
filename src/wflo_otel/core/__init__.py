"""Pure decisions: values in, values out.

No clock, no chance, no I/O, no locks, no third party. Time is an argument.
"""
