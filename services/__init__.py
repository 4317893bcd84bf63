"""The processes of Patchbay: one package a service, each a thin host over `shared`."""
