"""One module an engine; each imports its engine only when it is used."""
