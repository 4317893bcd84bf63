"""The lab: what a way of routing would do, and what the best possible one would."""
