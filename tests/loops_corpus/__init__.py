"""The labelled corpus of loops: how it was produced, and how it is read.

Scenario families write a script of model turns and tool answers, real frameworks run it
against the scripted provider, and what passed over the wire is written down. The rule: a
trace holds nothing that was not on the wire, and the hold-out is never edited.
"""
