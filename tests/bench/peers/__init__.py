"""Other desks, measured on the same machine: installed apart from Patchbay, or not measured."""
