"""The command line ``models``: parses, calls the library, renders."""
