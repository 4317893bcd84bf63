"""E-mail: which event is told to whom, in which words, and what is looked at before it is sent."""
