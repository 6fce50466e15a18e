"""What is particular to one framework: small, built on the seams, no span class of its own."""
