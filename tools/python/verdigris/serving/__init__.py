"""The parts of verdigris-serve: what a request says (fields), how it is answered (writer), in which form (shapes), and HTTP."""
