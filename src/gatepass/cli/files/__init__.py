"""Files as configuration at the command line: a folder read and written, a plan shown and applied."""

__all__: list[str] = []
