"""Where state is kept: ``memory://`` and ``sqlite:///path``."""
